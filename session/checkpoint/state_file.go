package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
)

// DefaultLatestFilename is the usual name of a state file.
const DefaultLatestFilename = "checkpoint"

// ErrStateFileName says that a checkpoint would have the name of the state file.
var ErrStateFileName = errors.New("the checkpoint has the name of the state file")

// A State is what a state file says: tensorflow.CheckpointState.
type State struct {
	session.CheckpointState
	// AllModelCheckpointTimestamps are when those checkpoints were saved; empty,
	// or one for each path. A [Saver] writes none.
	AllModelCheckpointTimestamps []time.Time
	// LastPreservedTimestamp is when a checkpoint was last kept for good; zero if
	// that is not known.
	LastPreservedTimestamp time.Time
}

// A StateFile is the file in a folder that names its newest checkpoint and those
// that are kept.
type StateFile struct {
	// Dir is the folder. "" is the current one.
	Dir string
	// LatestFilename is the name in it. Default "checkpoint".
	LatestFilename string
}

// GetCheckpointState is [StateFile.Get] of a folder's usual state file.
func GetCheckpointState(dir string) (*State, error) { return StateFile{Dir: dir}.Get() }

// LatestCheckpoint is [StateFile.Latest] of a folder's usual state file.
func LatestCheckpoint(dir string) (string, error) { return StateFile{Dir: dir}.Latest() }

// UpdateCheckpointState is [StateFile.Update] of a folder's usual state file.
func UpdateCheckpointState(dir string, state State) error { return StateFile{Dir: dir}.Update(state) }

// Read returns what the file says, with its relative paths behind the folder's.
// That it does not exist is an error that Is fs.ErrNotExist; that it names no
// newest checkpoint, one that Is [session.ErrInvalidCheckpointState].
func (f StateFile) Read() (*State, error) {
	text, err := os.ReadFile(f.path())
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	state, err := parseState(string(text))
	if err != nil {
		return nil, fmt.Errorf("checkpoint: state file %q: %w", f.path(), err)
	}
	if state.ModelCheckpointPath == "" {
		return nil, fmt.Errorf("checkpoint: %w in %q: it names no checkpoint", session.ErrInvalidCheckpointState, f.path())
	}
	state.ModelCheckpointPath = joined(f.Dir, state.ModelCheckpointPath)
	for i, path := range state.AllModelCheckpointPaths {
		state.AllModelCheckpointPaths[i] = joined(f.Dir, path)
	}
	return &state, nil
}

// Get is Read, but nil, and no error, where there is no file or one that cannot
// be read as a state.
func (f StateFile) Get() (*State, error) {
	state, err := f.Read()
	if err != nil && !errors.Is(err, session.ErrInvalidCheckpointState) {
		return nil, nil
	}
	return state, err
}

// Latest returns the newest checkpoint by what the file says; "" if it says
// nothing, or there is no such checkpoint.
func (f StateFile) Latest() (string, error) {
	state, err := f.Get()
	if err != nil || state == nil || !CheckpointExists(state.ModelCheckpointPath) {
		return "", err
	}
	return state.ModelCheckpointPath, nil
}

// Update writes the file anew, in one piece: whoever reads it finds what it said
// before or all of this. If the newest path is not the last in the list, it is
// added. If the folder's path is relative, so are relative paths, and written
// as seen from the folder; absolute ones stay so.
func (f StateFile) Update(state State) error { return f.update(osFiles{}, state, false) }

// UpdateRelative is Update, but all paths are written as seen from the folder,
// which then can be moved.
func (f StateFile) UpdateRelative(state State) error { return f.update(osFiles{}, state, true) }

func (f StateFile) update(on files, state State, relative bool) error {
	if err := checkLatestFilename(f.LatestFilename); err != nil {
		return fmt.Errorf("checkpoint: StateFile: %w", err)
	}
	written, err := f.asWritten(state, relative)
	if err != nil {
		return err
	}
	if f.path() == written.ModelCheckpointPath || f.path() == state.ModelCheckpointPath {
		return fmt.Errorf("checkpoint: %w: %q", ErrStateFileName, f.path())
	}
	err = replace(on, f.path(), func(file file) error {
		_, err := file.Write(encodeState(written))
		return err
	})
	if err != nil {
		return fmt.Errorf("checkpoint: state file %q: %w", f.path(), err)
	}
	return nil
}

func checkLatestFilename(name string) error {
	if name != "" && name != filepath.Base(name) {
		return fmt.Errorf("LatestFilename is %q, want a name without a folder", name)
	}
	return nil
}

func (f StateFile) path() string {
	return joined(f.Dir, cmp.Or(f.LatestFilename, DefaultLatestFilename))
}

// AsWritten returns state as Update writes it: generate_checkpoint_state_proto.
func (f StateFile) AsWritten(state State) (State, error) { return f.asWritten(state, false) }

func (f StateFile) asWritten(state State, relative bool) (State, error) {
	all := slices.Clone(state.AllModelCheckpointPaths)
	if len(all) == 0 || all[len(all)-1] != state.ModelCheckpointPath {
		all = append(all, state.ModelCheckpointPath)
	}
	if n := len(state.AllModelCheckpointTimestamps); n > 0 && n != len(all) {
		return State{}, fmt.Errorf("checkpoint: %d timestamps for the %d checkpoints %q", n, len(all), all)
	}
	state.AllModelCheckpointPaths = all
	var err error
	if state.ModelCheckpointPath, err = f.seen(state.ModelCheckpointPath, relative); err != nil {
		return State{}, err
	}
	for i := range all {
		if all[i], err = f.seen(all[i], relative); err != nil {
			return State{}, err
		}
	}
	return state, nil
}

// seen returns a path as it stands in the file.
func (f StateFile) seen(path string, relative bool) (string, error) {
	dir := f.Dir
	switch {
	case filepath.IsAbs(path) && !relative, !filepath.IsAbs(path) && filepath.IsAbs(dir):
		return path, nil
	case filepath.IsAbs(path):
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return "", fmt.Errorf("checkpoint: %w", err)
		}
	}
	seen, err := filepath.Rel(dir, path)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return seen, nil
}

// joined puts a folder in front of a relative path, and leaves both as they are:
// the same checkpoint has the same path as long as the folder is spelled the
// same.
func joined(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	if os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + path
	}
	return dir + string(filepath.Separator) + path
}
