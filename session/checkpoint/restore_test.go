package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

func TestAllThatDoesNotFitIsNamedAtOnce(t *testing.T) {
	path := saved(t, holding(
		"same", session.Int64(1), "shape", session.TensorOf([]float32{1, 2}), "type", session.TensorOf([]float32{1}), "extra 1", session.Int64(1), "extra 2", session.Int64(1),
	))
	s := holding(
		"same", session.Int64(5), "shape", session.TensorOf([]float32{1, 2}, 2, 1), "type", session.TensorOf([]int32{1}),
		"missing 2", session.Int64(5), "missing 1", session.Value{},
	)
	err := newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), s, path)
	require.Nil(t, s.set, "nothing is restored")
	var mismatch *checkpoint.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, []string{"missing 1", "missing 2"}, mismatch.Missing)
	require.Equal(t, []string{"extra 1", "extra 2"}, mismatch.Extra)
	require.Equal(t, []checkpoint.WrongVariable{
		{Name: "shape", Got: "float32 [2]", Want: "float32 [2 1]"}, {Name: "type", Got: "float32 [1]", Want: "int32 [1]"},
	}, mismatch.Wrong)
	require.EqualError(t, err, `checkpoint: restore "`+path+`": `+path+`.safetensors does not fit the session: ["missing 1" "missing 2"] are missing; `+
		`the session has no variables ["extra 1" "extra 2"]; "shape" is float32 [2], want float32 [2 1]; "type" is float32 [1], want int32 [1]`)
}

func TestExtraVariablesMayBeIgnored(t *testing.T) {
	path := saved(t, holding("v", session.Int64(1), "extra", session.TensorOf(make([]float32, 1<<20))))
	s := holding("v", session.Int64(5))
	require.NoError(t, newSaver(t, checkpoint.SaverConfig{IgnoreExtra: true}).Restore(t.Context(), s, path))
	require.Equal(t, map[string]session.Value{"v": session.Int64(1)}, s.set)
	s = holding("v", session.Int64(5))
	require.NoError(t, newSaver(t, checkpoint.SaverConfig{Variables: map[string]string{"v": "v"}}).Restore(t.Context(), s, path), "or not be asked for")
	require.Equal(t, map[string]session.Value{"v": session.Int64(1)}, s.set)
}

func TestAVariableOfUnknownShapeTakesAny(t *testing.T) {
	path := saved(t, holding("v", session.TensorOf([]float32{1, 2}), "n", session.Int64(3)))
	s := holding("v", session.Value{}, "n", session.Value{}).uninitialized()
	require.NoError(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), s, path))
	require.Equal(t, map[string]session.Value{"v": session.TensorOf([]float32{1, 2}), "n": session.Int64(3)}, s.set)
}

func TestThereHasToBeACheckpoint(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o666))
	for _, path := range []string{"", filepath.Join(dir, "m-1"), filepath.Join(dir, "folder"), filepath.Join(dir, "file", "m-1")} {
		require.ErrorIs(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), small(), path), checkpoint.ErrNoCheckpoint, path)
		require.False(t, checkpoint.CheckpointExists(path))
		require.NoError(t, checkpoint.RemoveCheckpoint(path))
	}
}

// threeSaves saves steps 1 to 3 of small, which the state file lists.
func threeSaves(t *testing.T) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	saver := newSaver(t, checkpoint.SaverConfig{})
	for step := range int64(3) {
		_, err := saver.Save(t.Context(), small(), filepath.Join(dir, "m"), step+1)
		require.NoError(t, err)
	}
	return saver.LastCheckpoints()
}

func TestACorruptCheckpointIsAnErrorUnlessAskedOtherwise(t *testing.T) {
	paths := threeSaves(t)
	require.NoError(t, os.Truncate(paths[2]+checkpoint.Extension, 20))
	require.ErrorIs(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), small(), paths[2]), checkpoint.ErrCorrupt)
}

func TestTheCheckpointBeforeIsUsedIfAsked(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(paths []string) error
		want   []int // of those that are passed over
		fails  error // nil: one is restored
	}{
		{"the newest is corrupt", func(p []string) error { return os.Truncate(p[2]+checkpoint.Extension, 20) }, []int{2}, nil},
		{"the newest is gone", func(p []string) error { return os.Remove(p[2] + checkpoint.Extension) }, []int{2}, nil},
		{"two are corrupt", func(p []string) error {
			return errors.Join(os.Truncate(p[2]+checkpoint.Extension, 20), os.Truncate(p[1]+checkpoint.Extension, 0))
		}, []int{2, 1}, nil},
		{"all are", func(p []string) error {
			return errors.Join(os.Truncate(p[2]+checkpoint.Extension, 20), os.Truncate(p[1]+checkpoint.Extension, 0), os.Remove(p[0]+checkpoint.Extension))
		}, []int{2, 1}, checkpoint.ErrNoCheckpoint},
		{"there is no state file", func(p []string) error {
			return errors.Join(os.Truncate(p[2]+checkpoint.Extension, 20), os.Remove(filepath.Join(filepath.Dir(p[0]), "checkpoint")))
		}, nil, checkpoint.ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			paths := threeSaves(t)
			require.NoError(t, c.damage(paths))
			var over []string
			saver := newSaver(t, checkpoint.SaverConfig{FallBack: func(path string, err error) {
				require.ErrorContains(t, err, path)
				over = append(over, path)
			}})
			s := small()
			err := saver.Restore(t.Context(), s, paths[2])
			var want []string
			for _, i := range c.want {
				want = append(want, paths[i])
			}
			require.Equal(t, want, over)
			if c.fails == nil {
				require.NoError(t, err)
				require.Equal(t, small().values(), s.set)
				return
			}
			require.ErrorIs(t, err, c.fails)
			require.ErrorIs(t, err, checkpoint.ErrCorrupt, "all errors are there")
			require.Nil(t, s.set)
		})
	}
}

func TestWhatDoesNotFitIsNoReasonToFallBack(t *testing.T) {
	paths := threeSaves(t)
	saver := newSaver(t, checkpoint.SaverConfig{FallBack: func(path string, err error) { t.Error("passed over", path, err) }})
	var mismatch *checkpoint.MismatchError
	require.ErrorAs(t, saver.Restore(t.Context(), holding("w", session.Int64(1)), paths[2]), &mismatch)
}
