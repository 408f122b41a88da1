package checkpoint_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

func stateOf(newest string, all ...string) checkpoint.State {
	return checkpoint.State{CheckpointState: session.CheckpointState{ModelCheckpointPath: newest, AllModelCheckpointPaths: all}}
}

func TestAbsolutePathsStaySo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model-0")
	written, err := checkpoint.StateFile{Dir: dir}.AsWritten(stateOf(path))
	require.NoError(t, err)
	require.Equal(t, stateOf(path, path), written)
	require.NoError(t, checkpoint.UpdateCheckpointState(dir, stateOf(path)))
	found, err := checkpoint.GetCheckpointState(dir)
	require.NoError(t, err)
	require.Equal(t, stateOf(path, path), *found)
}

func TestRelativePathsAreSeenFromTheFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("train", 0o777))
	require.NoError(t, checkpoint.UpdateCheckpointState("train", stateOf("train/model-1", "train/model-0", "other/model-5", "train/model-1")))
	text, err := os.ReadFile("train/checkpoint")
	require.NoError(t, err)
	require.Equal(t, `model_checkpoint_path: "model-1"
all_model_checkpoint_paths: "model-0"
all_model_checkpoint_paths: "../other/model-5"
all_model_checkpoint_paths: "model-1"
`, string(text))
	found, err := checkpoint.GetCheckpointState("train")
	require.NoError(t, err)
	require.Equal(t, stateOf("train/model-1", "train/model-0", "train/../other/model-5", "train/model-1"), *found)
}

func TestAllPathsMayBeWrittenAsSeenFromTheFolder(t *testing.T) {
	dir := t.TempDir()
	given := stateOf(filepath.Join(dir, "model-2"), filepath.Join(dir, "model-1"))
	require.NoError(t, checkpoint.StateFile{Dir: dir}.UpdateRelative(given))
	require.Len(t, given.AllModelCheckpointPaths, 1, "the caller's list is left alone")
	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(dir, moved))
	found, err := checkpoint.GetCheckpointState(moved + "/")
	require.NoError(t, err)
	require.Equal(t, stateOf(moved+"/model-2", moved+"/model-1", moved+"/model-2"), *found)
}

func TestTimesAreKept(t *testing.T) {
	dir := t.TempDir()
	s := stateOf("/m-2", "/m-1", "/m-2")
	s.AllModelCheckpointTimestamps = []time.Time{time.Unix(1_790_000_000, 250_000_000), time.Unix(1_790_000_600, 0)}
	s.LastPreservedTimestamp = time.Unix(1, 500_000_000)
	require.NoError(t, checkpoint.UpdateCheckpointState(dir, s))
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	require.NoError(t, err)
	require.Contains(t, string(text), "all_model_checkpoint_timestamps: 1790000000.25\nall_model_checkpoint_timestamps: 1790000600.0\nlast_preserved_timestamp: 1.5\n")
	found, err := checkpoint.GetCheckpointState(dir)
	require.NoError(t, err)
	require.Equal(t, s, *found)
	s.AllModelCheckpointTimestamps = s.AllModelCheckpointTimestamps[:1]
	require.EqualError(t, checkpoint.UpdateCheckpointState(dir, s), `checkpoint: 1 timestamps for the 2 checkpoints ["/m-1" "/m-2"]`)
}

func TestPathsWithAnyCharacter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gro\u00df \"x\" 'y'\n\t\\")
	require.NoError(t, os.Mkdir(dir, 0o777))
	path, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), small(), filepath.Join(dir, "m[a]?*"), 1)
	require.NoError(t, err)
	latest, err := checkpoint.LatestCheckpoint(dir)
	require.NoError(t, err)
	require.Equal(t, path, latest)
}

func TestStatesThatAreWrittenByHand(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       checkpoint.State
		fault      string
	}{
		{"nothing", "", checkpoint.State{}, ""},
		{"comments and single quotes", "# by hand\nmodel_checkpoint_path: 'm-2' # the newest", stateOf("m-2"), ""},
		{"strings in pieces, a list, separators", `model_checkpoint_path: "m" '-' "2"; all_model_checkpoint_paths: ["m-1", 'm-2'], all_model_checkpoint_paths: []`, stateOf("m-2", "m-1", "m-2"), ""},
		{"escapes", `model_checkpoint_path: "\303\244\x41\u00e4\U0001F600\n\'\?"`, stateOf("äAä😀\n'?"), ""},
		{"no end of a string", `model_checkpoint_path: "m`, checkpoint.State{}, "model_checkpoint_path: a string without an end"},
		{"a line end in a string", "model_checkpoint_path: \"m\n\"", checkpoint.State{}, "a string without an end"},
		{"a backslash at the end", `model_checkpoint_path: "\`, checkpoint.State{}, "a string without an end"},
		{"an unknown escape", `model_checkpoint_path: "\q"`, checkpoint.State{}, `escape "\\q\""`},
		{"an escape that is too large", `model_checkpoint_path: "\777"`, checkpoint.State{}, `escape "\\777\""`},
		{"half a rune", `model_checkpoint_path: "\ud800"`, checkpoint.State{}, `escape "\\ud800\""`},
		{"bytes that are no text", `model_checkpoint_path: "\xff"`, checkpoint.State{}, `"\xff" is not UTF-8`},
		{"no colon", `model_checkpoint_path "m"`, checkpoint.State{}, `no colon before "\"m\""`},
		{"no string", `model_checkpoint_path: 1`, checkpoint.State{}, `no string at "1"`},
		{"no time", `last_preserved_timestamp: "1"`, checkpoint.State{}, `no time at "\"1\""`},
		{"a time that cannot be", `last_preserved_timestamp: 1e300`, checkpoint.State{}, `no time at "1e300"`},
		{"a field twice", `model_checkpoint_path: "a" model_checkpoint_path: "b"`, checkpoint.State{}, "model_checkpoint_path comes twice"},
		{"an unknown field", "model_checkpoint_path: \"a\"\ncolour: 3", checkpoint.State{}, `no field of a checkpoint state at "colour: 3"`},
		{"a list without commas", `all_model_checkpoint_paths: ["a" 1]`, checkpoint.State{}, `no comma before "1]"`},
		{"a list of something else", `all_model_checkpoint_paths: ["a", 1]`, checkpoint.State{}, `no string at "1]"`},
		{"a list of one string for one", `model_checkpoint_path: ["a"]`, checkpoint.State{}, `no string at "[\"a\"]"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := checkpoint.ParseState(c.text)
			require.Equal(t, c.want, got)
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.fault)
		})
	}
}

func TestAStateFileThatSaysNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := checkpoint.StateFile{Dir: dir}.Read()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o666))
	for _, get := range []func() error{
		func() error { _, err := checkpoint.GetCheckpointState(dir); return err },
		func() error { _, err := checkpoint.LatestCheckpoint(dir); return err },
		func() error { _, err := checkpoint.StateFile{Dir: dir}.Read(); return err },
	} {
		require.ErrorIs(t, get(), session.ErrInvalidCheckpointState)
	}
}

func TestACheckpointCannotHaveTheNameOfTheStateFile(t *testing.T) {
	dir := t.TempDir()
	require.ErrorIs(t, checkpoint.UpdateCheckpointState(dir, stateOf(filepath.Join(dir, "checkpoint"))), checkpoint.ErrStateFileName)
	require.ErrorContains(t, checkpoint.StateFile{Dir: dir, LatestFilename: "a/b"}.Update(stateOf("m")), "LatestFilename")
	require.Empty(t, filesIn(t, dir))
}

func TestEveryCheckpointOfAFolderIsListed(t *testing.T) {
	paths := threeSaves(t)
	dir := filepath.Dir(paths[0])
	require.NoError(t, os.Chtimes(paths[0]+checkpoint.Extension, time.Time{}, time.Now().Add(time.Hour)))
	listed, err := checkpoint.ListCheckpoints(dir)
	require.NoError(t, err)
	require.Len(t, listed, 3)
	require.Equal(t, paths[0], listed[2].Path, "the newest by its file")
	times, err := checkpoint.GetCheckpointMtimes([]string{paths[0], "nothing", paths[1]})
	require.NoError(t, err)
	require.Len(t, times, 2)
	require.True(t, times[1].Before(times[0]))
	require.NoError(t, checkpoint.RemoveCheckpoint(paths[1]))
	require.Equal(t, []string{"checkpoint", "m-1.safetensors", "m-3.safetensors"}, filesIn(t, dir))
	_, err = checkpoint.ListCheckpoints(filepath.Join(dir, "nothing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
