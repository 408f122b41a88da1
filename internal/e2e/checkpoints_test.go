package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
)

// readCheckpoint prints what Python's safetensors finds in a file.
const readCheckpoint = `
import json, sys
from safetensors import safe_open

with safe_open(sys.argv[1], "np") as f:
    tensors = {name: f.get_tensor(name) for name in f.keys()}
    print(json.dumps({
        "metadata": f.metadata(),
        "tensors": {name: [str(a.dtype), list(a.shape), a.tolist()] for name, a in tensors.items()},
    }))
`

func TestPythonReadsACheckpoint(t *testing.T) {
	python := pythonOf(t)
	g := graph.New()
	for name, v := range map[string]session.Value{
		"f32":  session.TensorOf([]float32{1, -2.5, 3, 0, 5, 6}, 2, 3),
		"f64":  session.TensorOf([]float64{1.0 / 3, -2}),
		"i32":  session.TensorOf([]int32{-1, 1 << 30}, 1, 2),
		"i64":  session.TensorOf([]int64{-1, 1 << 40}),
		"u8":   session.TensorOf([]uint8{0, 1, 255}),
		"bool": session.TensorOf([]bool{true, false}),
		"none": session.TensorOf([]float32{}, 0, 7),

		"scalar/f64":           session.Float64(0.1),
		"größe \"1\"\n<&>/i64": session.Int64(1),
	} {
		g.Variable(name, func() session.Value { return v })
	}
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.(session.Initializer).Init(t.Context()))
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{Metadata: map[string]string{"model": "größe"}})
	require.NoError(t, err)
	path, err := saver.Save(t.Context(), s, filepath.Join(t.TempDir(), "model.ckpt"), 12)
	require.NoError(t, err)

	var printed, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "-c", readCheckpoint, path+checkpoint.Extension)
	cmd.Stdout, cmd.Stderr = &printed, &complaints
	require.NoError(t, cmd.Run(), complaints.String())
	var found struct {
		Metadata map[string]string
		Tensors  map[string][3]any
	}
	require.NoError(t, json.Unmarshal(printed.Bytes(), &found))
	delete(found.Metadata, "crc32c")
	require.Equal(t, map[string]string{"model": "größe", "global_step": "12"}, found.Metadata)
	list := func(elements ...any) []any { return append([]any{}, elements...) }
	require.Equal(t, map[string][3]any{
		"f32":                  {"float32", list(2.0, 3.0), list(list(1.0, -2.5, 3.0), list(0.0, 5.0, 6.0))},
		"f64":                  {"float64", list(2.0), list(1.0/3, -2.0)},
		"i32":                  {"int32", list(1.0, 2.0), list(list(-1.0, float64(1<<30)))},
		"i64":                  {"int64", list(2.0), list(-1.0, float64(1<<40))},
		"u8":                   {"uint8", list(3.0), list(0.0, 1.0, 255.0)},
		"bool":                 {"bool", list(2.0), list(true, false)},
		"none":                 {"float32", list(0.0, 7.0), list()},
		"scalar/f64":           {"float64", list(), 0.1},
		"größe \"1\"\n<&>/i64": {"int64", list(), 1.0},
	}, found.Tensors)
}
