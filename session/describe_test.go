package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestTheTypeOfAnOutputAsText(t *testing.T) {
	leaktest.Check(t)
	for want, o := range map[string]session.GraphOutput{
		"?":             {},
		"float32":       {DType: "float32"},
		"int64[]":       {DType: "int64", Shape: []int{}},
		"float32[?, 3]": {DType: "float32", Shape: []int{-1, 3}},
	} {
		require.Equal(t, want, o.String())
	}
}
