package checkpoint_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

var errBroken = errors.New("broken")

// A faultyFiles fails the operation with number at, from 0, or all that are
// called as failing.
type faultyFiles struct {
	checkpoint.Files
	at      int
	failing string
	calls   []string
}

func (f *faultyFiles) fault(call string) error {
	f.calls = append(f.calls, call)
	if len(f.calls)-1 == f.at || call == f.failing {
		return fmt.Errorf("%s: %w", call, errBroken)
	}
	return nil
}

// perform does an operation unless it is to fail.
func (f *faultyFiles) perform(call string, do func() error) error {
	if err := f.fault(call); err != nil {
		return err
	}
	return do()
}

func (f *faultyFiles) Create(path string) (checkpoint.File, error) {
	if err := f.fault("create"); err != nil {
		return nil, err
	}
	file, err := f.Files.Create(path)
	return &faultyFile{file, f}, err
}

func (f *faultyFiles) Rename(from, to string) error {
	return f.perform("rename", func() error { return f.Files.Rename(from, to) })
}

func (f *faultyFiles) Remove(path string) error {
	return f.perform("remove", func() error { return f.Files.Remove(path) })
}

func (f *faultyFiles) Mkdir(path string) error {
	return f.perform("mkdir", func() error { return f.Files.Mkdir(path) })
}

func (f *faultyFiles) SyncDir(path string) error {
	return f.perform("syncdir", func() error { return f.Files.SyncDir(path) })
}

// A faultyFile writes half of what it is given when a write fails.
type faultyFile struct {
	checkpoint.File
	files *faultyFiles
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.files.fault("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultyFile) WriteAt(b []byte, offset int64) (n int, err error) {
	err = f.files.perform("writeat", func() error { n, err = f.File.WriteAt(b, offset); return err })
	return n, err
}

func (f *faultyFile) Sync() error { return f.files.perform("sync", f.File.Sync) }

// Close closes the file also if it is to fail.
func (f *faultyFile) Close() error { return errors.Join(f.files.fault("close"), f.File.Close()) }

// atStep is a state that tells at which step it was saved.
func atStep(step int64) *store {
	data := make([]float32, 100_000)
	for i := range data {
		data[i] = float32(step)
	}
	return holding("w", session.TensorOf(data), "step", session.Int64(step))
}

// newest restores the newest checkpoint in dir and returns its step, after
// making sure that it is whole.
func newest(t *testing.T, dir string) int64 {
	t.Helper()
	path, err := checkpoint.LatestCheckpoint(dir)
	require.NoError(t, err)
	require.NotEmpty(t, path, "no checkpoint in %v", filesIn(t, dir))
	s := atStep(0)
	require.NoError(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), s, path))
	step, _ := s.set["step"].Int64()
	require.Equal(t, atStep(step).values(), s.set)
	require.Equal(t, fmt.Sprintf("m-%d", step), filepath.Base(path))
	return step
}

// saveTwoOnto saves steps 1 and 2 to the real disk, then step 3 to others, which
// makes step 1 due for removal.
func saveTwoOnto(t *testing.T, dir string, then checkpoint.Files) error {
	t.Helper()
	first := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 2})
	for step := range int64(2) {
		_, err := first.Save(t.Context(), atStep(step+1), filepath.Join(dir, "m"), step+1)
		require.NoError(t, err)
	}
	saver, err := checkpoint.NewSaverOn(then, checkpoint.SaverConfig{MaxToKeep: 2})
	require.NoError(t, err)
	require.NoError(t, saver.RecoverLastCheckpoints(t.Context(), first.LastCheckpoints()))
	_, err = saver.Save(t.Context(), atStep(3), filepath.Join(dir, "m"), 3)
	return err
}

func TestAnErrorOfAnyOperationLeavesTheCheckpointsOfBefore(t *testing.T) {
	whole := &faultyFiles{Files: checkpoint.OSFiles, at: -1}
	require.NoError(t, saveTwoOnto(t, t.TempDir(), whole))
	require.GreaterOrEqual(t, len(whole.calls), 15, whole.calls)
	for at, call := range whole.calls {
		t.Run(fmt.Sprintf("operation %d, %s", at, call), func(t *testing.T) {
			dir := t.TempDir()
			err := saveTwoOnto(t, dir, &faultyFiles{Files: checkpoint.OSFiles, at: at})
			want := int64(2)
			switch {
			case call == "remove": // of a checkpoint that is kept no longer
				require.NoError(t, err)
				want = 3
			case at == len(whole.calls)-2: // the state was renamed, but may not last
				require.Equal(t, "syncdir", call)
				require.ErrorIs(t, err, errBroken)
				want = 3
			default:
				require.ErrorIs(t, err, errBroken)
			}
			require.Equal(t, want, newest(t, dir))
			for _, name := range filesIn(t, dir) {
				require.False(t, strings.HasSuffix(name, ".tmp"), "litter: %s", name)
			}
			listed, err := checkpoint.ListCheckpoints(dir)
			require.NoError(t, err)
			for _, c := range listed {
				_, err := checkpoint.Load(t.Context(), c.Path, false)
				require.NoError(t, err, c.Path)
			}
		})
	}
}

// A crashingDisk is a disk in memory that tells what is left of it if the
// machine stops at an operation.
type crashingDisk struct {
	names   map[string]*inode // as the programs see it
	lasting map[string]*inode // as of the last syncdir
	crash   func(when string)
}

type inode struct{ content, synced []byte }

func (d *crashingDisk) done(call string) error {
	d.crash(call)
	return nil
}

func (d *crashingDisk) Create(path string) (checkpoint.File, error) {
	f := &inode{}
	if old := d.names[path]; old != nil {
		f.synced = old.synced // truncated, but that may not last
	}
	d.names[path] = f
	return crashingFile{f, d}, d.done("create")
}

func (d *crashingDisk) Rename(from, to string) error {
	d.names[to] = d.names[from]
	delete(d.names, from)
	return d.done("rename")
}

func (d *crashingDisk) Remove(path string) error {
	delete(d.names, path)
	return d.done("remove")
}

func (d *crashingDisk) Mkdir(string) error { return os.ErrExist }

func (d *crashingDisk) SyncDir(string) error {
	d.lasting = maps.Clone(d.names)
	return d.done("syncdir")
}

type crashingFile struct {
	*inode
	disk *crashingDisk
}

func (f crashingFile) Write(b []byte) (int, error) {
	f.content = append(f.content, b...)
	return len(b), f.disk.done("write")
}

func (f crashingFile) WriteAt(b []byte, offset int64) (int, error) {
	copy(f.content[offset:], b)
	return len(b), f.disk.done("writeat")
}

func (f crashingFile) Sync() error {
	f.synced = append([]byte(nil), f.content...)
	return f.disk.done("sync")
}

func (f crashingFile) Close() error { return f.disk.done("close") }

// After a crash the names are those of the last syncdir, or already those of
// now; what was not synced is forgotten, or half of it is there.
func TestACrashAtAnyOperationLeavesAWholeCheckpoint(t *testing.T) {
	var disk *crashingDisk
	var allowed []int64 // steps that may be the newest
	crashes := 0
	disk = &crashingDisk{names: make(map[string]*inode), lasting: make(map[string]*inode), crash: func(when string) {
		if len(allowed) == 0 {
			return
		}
		for _, names := range []map[string]*inode{disk.lasting, disk.names} {
			for _, half := range []bool{false, true} {
				dir := t.TempDir()
				for name, f := range names {
					content := f.synced
					if half && len(f.content) > len(content) {
						content = f.content[:(len(content)+len(f.content))/2]
					}
					require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o666))
				}
				require.Contains(t, allowed, newest(t, dir), when)
				crashes++
			}
		}
	}}
	saver, err := checkpoint.NewSaverOn(disk, checkpoint.SaverConfig{MaxToKeep: 2})
	require.NoError(t, err)
	for step := int64(1); step <= 4; step++ {
		if step > 1 {
			allowed = []int64{step - 1, step}
		}
		_, err := saver.Save(t.Context(), atStep(step), "m", step)
		require.NoError(t, err)
		allowed = []int64{step}
		disk.crash("after a save")
	}
	require.Greater(t, crashes, 100)
	require.NotContains(t, disk.names, "m-1.safetensors")
}
