package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

func TestEveryTypeComesBackAsItWas(t *testing.T) {
	for name, swapped := range map[string]bool{"in this machine's byte order": false, "with the bytes swapped": true} {
		t.Run(name, func(t *testing.T) {
			if swapped {
				t.Cleanup(checkpoint.SwapBytes())
			}
			s := everyType()
			path := saved(t, s)
			require.NoError(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), s, path))
			require.Equal(t, s.values(), s.set)
		})
	}
}

func TestWhatCannotBeSavedIsRefusedByName(t *testing.T) {
	dir := t.TempDir()
	s := holding(
		"words", session.TensorOf([]string{"a"}), "word", session.String("a"), "x", session.Any(struct{}{}),
		"bent", session.TensorOf([]float32{1, 2}, 3), "ok", session.Int64(1),
	)
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), s, filepath.Join(dir, "m"), 1)
	for _, want := range []string{
		`variable "words": string values cannot be saved: safetensors have no such type`, `variable "word": string values`,
		`variable "x": a value of type struct {} cannot be saved`, `variable "bent": tensor shape [3] holds 3 elements, data has 2`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, filesIn(t, dir))
}

func TestANameThatTheFormatDoesNotAllowIsRefused(t *testing.T) {
	for _, name := range []string{"__metadata__", "a\xffb"} {
		_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), holding(name, session.Int64(1)), filepath.Join(t.TempDir(), "m"), 1)
		require.ErrorContains(t, err, "the format does not allow this name")
	}
}

func TestVariablesWithoutAValueAreNamed(t *testing.T) {
	dir := t.TempDir()
	s := holding("b", session.Int64(1), "a", session.Int64(2)).uninitialized()
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), s, filepath.Join(dir, "m"), 7)
	require.ErrorIs(t, err, session.ErrUninitialized)
	require.ErrorContains(t, err, `variables ["a" "b"]`)
	require.Empty(t, filesIn(t, dir))
}

func TestWhatIsWrongWithAConfigIsReportedAtOnce(t *testing.T) {
	_, err := checkpoint.NewSaver(checkpoint.SaverConfig{
		Variables: map[string]string{"a": "v", "b": "v"}, DeferBuild: true, MaxToKeep: -2, KeepCheckpointEveryNHours: -2,
		LatestFilename: "d/x", Metadata: map[string]string{"crc32c": "", "global_step": ""},
	})
	require.EqualError(t, err, `checkpoint: SaverConfig: the Variables have "v" under two names, "a" and "b"
checkpoint: SaverConfig: both Variables and DeferBuild are set, want at most one
checkpoint: SaverConfig: MaxToKeep is -2, want a positive number, 0 (5) or Off
checkpoint: SaverConfig: KeepCheckpointEveryNHours is -2ns, want a positive duration, 0 (10000h) or Off
checkpoint: SaverConfig: LatestFilename is "d/x", want a name without a folder
checkpoint: SaverConfig: the Metadata have the key "crc32c", which is taken
checkpoint: SaverConfig: the Metadata have the key "global_step", which is taken`)
	_, err = checkpoint.NewSaver(checkpoint.SaverConfig{Variables: map[string]string{}})
	require.ErrorIs(t, err, checkpoint.ErrNoVariables)
}

func TestArgumentsOfSaveThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, prefix string
		args         checkpoint.SaveArgs
		want         string
	}{
		{"no name", "", checkpoint.SaveArgs{}, `checkpoint: save "": not the name of a file`},
		{"a folder", dir + "/..", checkpoint.SaveArgs{}, "not the name of a file"},
		{"a step below 0", dir + "/m", checkpoint.SaveArgs{GlobalStep: new(int64(-1))}, "the step is -1"},
		{"the name of the state file", dir + "/checkpoint", checkpoint.SaveArgs{}, "the checkpoint has the name of the state file"},
		{"that of another state file", dir + "/m", checkpoint.SaveArgs{LatestFilename: "m"}, "the checkpoint has the name of the state file"},
		{"a state file in another folder", dir + "/m", checkpoint.SaveArgs{LatestFilename: "d/m"}, `LatestFilename is "d/m", want a name without a folder`},
		{"two folders missing", dir + "/x/y/m", checkpoint.SaveArgs{}, `the folder around "` + dir + `/x/y" does not exist`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newSaver(t, checkpoint.SaverConfig{}).SaveAs(t.Context(), holding("v", session.Int64(1)), c.prefix, c.args)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, filesIn(t, dir))
		})
	}
}

func TestASessionThatIsNotSaveableIsNamed(t *testing.T) {
	var plain struct{ session.Session }
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), plain, filepath.Join(t.TempDir(), "m"), 1)
	require.ErrorContains(t, err, "a session of type struct { session.Session } is not session.Saveable")
	require.ErrorContains(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), plain, "m"), "is not session.Saveable")
}

func TestASaverMayChooseAndRenameVariables(t *testing.T) {
	s := holding("v", session.Int64(1), "w", session.Int64(2))
	saver := newSaver(t, checkpoint.SaverConfig{Variables: map[string]string{"x": "w"}})
	path, err := saver.Save(t.Context(), s, filepath.Join(t.TempDir(), "m"), 1)
	require.NoError(t, err)
	contents, err := checkpoint.Load(t.Context(), path, false)
	require.NoError(t, err)
	require.Equal(t, map[string]session.Value{"x": session.Int64(2)}, contents.Variables)
	require.NoError(t, saver.Restore(t.Context(), s, path))
	require.Equal(t, map[string]session.Value{"w": session.Int64(2)}, s.set)

	unknown := newSaver(t, checkpoint.SaverConfig{Variables: map[string]string{"x": "u"}})
	_, err = unknown.Save(t.Context(), s, filepath.Join(t.TempDir(), "m"), 1)
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.ErrorIs(t, unknown.Build(counter()), session.ErrUnknownName, "before the first session, too")
}

func TestASessionWithoutVariables(t *testing.T) {
	dir := t.TempDir()
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), holding(), filepath.Join(dir, "m"), 1)
	require.ErrorIs(t, err, checkpoint.ErrNoVariables)
	path, err := newSaver(t, checkpoint.SaverConfig{AllowEmpty: true}).Save(t.Context(), holding(), filepath.Join(dir, "m"), 1)
	require.NoError(t, err)
	require.Empty(t, path)
	require.Empty(t, filesIn(t, dir))
}

func TestMetadataIsInTheFile(t *testing.T) {
	config := checkpoint.SaverConfig{Metadata: map[string]string{"model": "größer", "a": ""}}
	saver := newSaver(t, config)
	config.Metadata["model"] = "changed by the caller"
	path, err := saver.Save(t.Context(), holding("v", session.Int64(1)), filepath.Join(t.TempDir(), "m"), 12)
	require.NoError(t, err)
	contents, err := checkpoint.Load(t.Context(), path, false)
	require.NoError(t, err)
	require.Len(t, contents.Metadata["crc32c"], 8)
	delete(contents.Metadata, "crc32c")
	require.Equal(t, map[string]string{"model": "größer", "a": "", "global_step": "12"}, contents.Metadata)
	require.Equal(t, int64(12), *contents.GlobalStep)
	step, err := checkpoint.GlobalStep(path)
	require.NoError(t, err)
	require.Equal(t, int64(12), step)
}

func TestACheckpointWithoutAStep(t *testing.T) {
	path, err := newSaver(t, checkpoint.SaverConfig{}).SaveAs(t.Context(), holding("v", session.Int64(1)), filepath.Join(t.TempDir(), "m"), checkpoint.SaveArgs{})
	require.NoError(t, err)
	_, err = checkpoint.GlobalStep(path)
	require.ErrorIs(t, err, session.ErrNoGlobalStep)
	_, err = checkpoint.GlobalStep(path + "x")
	require.ErrorIs(t, err, checkpoint.ErrNoCheckpoint)
}

func TestACancelledSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(ctx, everyType(), filepath.Join(dir, "m"), 1)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, filesIn(t, dir))
	require.ErrorIs(t, newSaver(t, checkpoint.SaverConfig{}).Restore(ctx, everyType(), saved(t, everyType())), context.Canceled)
}

func TestACheckpointThatCannotBeRemovedIsTriedAgain(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	disk := &faultyFiles{Files: checkpoint.OSFiles, at: -1}
	saver, err := checkpoint.NewSaverOn(disk, checkpoint.SaverConfig{MaxToKeep: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	save := func(step int64) {
		_, err := saver.Save(t.Context(), holding("v", session.Int64(1)), filepath.Join(dir, "m"), step)
		require.NoError(t, err)
	}
	save(1)
	disk.failing = "remove"
	save(2)
	require.Contains(t, log.String(), "a checkpoint cannot be removed")
	require.Equal(t, []string{"checkpoint", "m-1.safetensors", "m-2.safetensors"}, filesIn(t, dir))
	disk.failing = ""
	save(3)
	require.Equal(t, []string{"checkpoint", "m-3.safetensors"}, filesIn(t, dir))
}

func TestWhatAKilledJobHasLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	rests := []string{"m-7.safetensors.tmp", "m.safetensors.tmp"}
	others := []string{"checkpoint", "m-1.safetensors", "m-7x.safetensors.tmp", "mm-7.safetensors.tmp", "n-7.safetensors.tmp"}
	for _, name := range append(rests, others[2:]...) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), small(), filepath.Join(dir, "m"), 1)
	require.NoError(t, err)
	require.Equal(t, others, filesIn(t, dir))

	var log bytes.Buffer
	disk := &faultyFiles{Files: checkpoint.OSFiles, at: -1, failing: "remove"}
	saver, err := checkpoint.NewSaverOn(disk, checkpoint.SaverConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	_, err = saver.Save(t.Context(), small(), filepath.Join(dir, "n"), 1)
	require.NoError(t, err)
	require.Contains(t, log.String(), "the rest of a checkpoint cannot be removed")
}

func TestNoHoursKeepNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 1, KeepCheckpointEveryNHours: checkpoint.Off})
		for step := range int64(3) {
			time.Sleep(20_000 * time.Hour)
			_, err := saver.Save(t.Context(), holding("v", session.Int64(1)), filepath.Join(dir, "m"), step)
			require.NoError(t, err)
		}
		require.Equal(t, []string{"checkpoint", "m-2.safetensors"}, filesIn(t, dir))
	})
}

// The list of a recovered Saver spells paths as the state file does: to save one
// of them again is not to remove it.
func TestAPathSpelledOtherwiseIsTheSameCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := holding("v", session.Int64(1))
	for _, step := range []int64{1, 2} {
		_, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), s, filepath.Join(dir, "m"), step)
		require.NoError(t, err)
	}
	saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 2})
	require.NoError(t, saver.RecoverLastCheckpoints(t.Context(), []string{dir + "/./m-1", dir + "//m-2"}))
	for _, step := range []int64{1, 2} {
		_, err := saver.Save(t.Context(), s, filepath.Join(dir, "m"), step)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"checkpoint", "m-1.safetensors", "m-2.safetensors"}, filesIn(t, dir))
}

func TestAStateFileThatCannotBeReadIsLogged(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	saver := newSaver(t, checkpoint.SaverConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	state, err := saver.CheckpointState(t.Context(), dir)
	require.NoError(t, err)
	require.Nil(t, state)
	require.Empty(t, log.String(), "that there is none is no news")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("rubbish"), 0o666))
	state, err = saver.CheckpointState(t.Context(), dir)
	require.NoError(t, err)
	require.Nil(t, state)
	require.Contains(t, log.String(), `no field of a checkpoint state at \"rubbish\"`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o666))
	_, err = saver.CheckpointState(t.Context(), dir)
	require.ErrorIs(t, err, session.ErrInvalidCheckpointState)
}

// filesIn returns the names of the files in a folder.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestASaverThatTakesOverManyCheckpointsTrimsThem(t *testing.T) {
	dir := t.TempDir()
	all := newSaver(t, checkpoint.SaverConfig{MaxToKeep: checkpoint.Off})
	var paths []string
	for step := range int64(6) {
		path, err := all.Save(t.Context(), small(), filepath.Join(dir, "m"), step)
		require.NoError(t, err)
		paths = append(paths, path)
	}
	require.Len(t, filesIn(t, dir), 7)
	saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 3})
	require.NoError(t, saver.RecoverLastCheckpoints(t.Context(), paths))
	_, err := saver.Save(t.Context(), small(), filepath.Join(dir, "m"), 6)
	require.NoError(t, err)
	require.Equal(t, []string{"checkpoint", "m-4.safetensors", "m-5.safetensors", "m-6.safetensors"}, filesIn(t, dir))
}

// After the clock was set back nothing is lost: what seems to be saved later is
// kept.
func TestCheckpointsFromTheFutureAreKept(t *testing.T) {
	paths := threeSaves(t)
	later := time.Now().AddDate(100, 0, 0)
	require.NoError(t, os.Chtimes(paths[0]+checkpoint.Extension, later, later))
	saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 1})
	require.NoError(t, saver.RecoverLastCheckpoints(t.Context(), paths))
	path, err := saver.Save(t.Context(), small(), filepath.Join(filepath.Dir(paths[0]), "m"), 4)
	require.NoError(t, err)
	require.Equal(t, []string{"checkpoint", "m-1.safetensors", "m-4.safetensors"}, filesIn(t, filepath.Dir(paths[0])))
	require.Equal(t, []string{path}, saver.LastCheckpoints())
}

func TestADeferredSaverHasToBeBuilt(t *testing.T) {
	path := saved(t, small())
	saver := newSaver(t, checkpoint.SaverConfig{DeferBuild: true})
	_, err := saver.Save(t.Context(), small(), path, 2)
	require.ErrorIs(t, err, checkpoint.ErrNotBuilt)
	require.ErrorIs(t, saver.Restore(t.Context(), small(), path), checkpoint.ErrNotBuilt)
	require.NoError(t, saver.Build(counter()))
	require.NoError(t, saver.Restore(t.Context(), small(), path))
}

func TestManyVariablesAreGatheredForOneWrite(t *testing.T) {
	var pairs []any
	for i := range 200 {
		pairs = append(pairs, fmt.Sprint("w", i), session.TensorOf(random(1000+i)))
	}
	s := holding(pairs...)
	disk := &faultyFiles{Files: checkpoint.OSFiles, at: -1}
	saver, err := checkpoint.NewSaverOn(disk, checkpoint.SaverConfig{})
	require.NoError(t, err)
	path, err := saver.Save(t.Context(), s, filepath.Join(t.TempDir(), "m"), 1)
	require.NoError(t, err)
	require.NoError(t, saver.Restore(t.Context(), s, path))
	require.Equal(t, s.values(), s.set)
	writes := 0
	for _, call := range disk.calls {
		if call == "write" {
			writes++
		}
	}
	require.Less(t, writes, 8)
}
