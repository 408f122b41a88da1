package faults_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/faults"
)

func TestJoinNamesEachFault(t *testing.T) {
	require.NoError(t, faults.Join("c"))
	require.NoError(t, faults.Join("c", nil, nil))
	err := faults.Join("c", nil, io.EOF, errors.Join(errors.New("a"), errors.New("b")))
	require.EqualError(t, err, "c: EOF\nc: a\nc: b")
	require.ErrorIs(t, err, io.EOF)
}

func TestNilInAnInterfaceIsNil(t *testing.T) {
	for _, v := range []any{nil, (*int)(nil), error(nil)} {
		require.True(t, faults.IsNil(v), "%T", v)
	}
	for _, v := range []any{0, new(int), "", []int(nil), func() {}} {
		require.False(t, faults.IsNil(v), "%T", v)
	}
}
