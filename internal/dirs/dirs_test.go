package dirs_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/dirs"
)

func TestSync(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, dirs.Sync(dir))
	require.ErrorIs(t, dirs.Sync(filepath.Join(dir, "missing")), fs.ErrNotExist)
}
