package goldentest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
)

func TestTablesAreThoseOfThePackageAndMore(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("testdata", 0o777))
	require.NoError(t, os.WriteFile(filepath.Join("testdata", "cases.json"), []byte(`{"a": 1}`), 0o666))
	more := t.TempDir()
	t.Setenv("RUNHOOK_GOLDENS", more)
	require.Equal(t, []map[string]int{{"a": 1}}, goldentest.Tables[map[string]int](t, "cases.json"))
	require.NoError(t, os.WriteFile(filepath.Join(more, "cases.json"), []byte(`{"b": 2}`), 0o666))
	require.Equal(t, []map[string]int{{"a": 1}, {"b": 2}}, goldentest.Tables[map[string]int](t, "cases.json"))
}
