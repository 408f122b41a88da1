package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/runhook/runhook/internal/faults"
)

// ErrInvalidCheckpointState says that the state of a folder names no
// checkpoint.
var ErrInvalidCheckpointState = errors.New("invalid checkpoint state")

const defaultCheckpointWait = 2 * time.Hour

// RestoreArgs say what a session is restored from. Without a Saver, or with
// neither a folder nor a file, nothing is restored.
type RestoreArgs struct {
	Saver Saver
	// CheckpointDir is a folder, of which the newest checkpoint is restored, if
	// there is one; then the Saver takes over the list of those that are kept. Not
	// both this and CheckpointFilenameWithPath may be set.
	CheckpointDir string
	// CheckpointFilenameWithPath is the path of a checkpoint.
	CheckpointFilenameWithPath string
	// WaitForCheckpoint makes an empty CheckpointDir something to wait for, not
	// longer than MaxWait and one more RecoveryWait. Default 2 h. Off sets no
	// limit.
	WaitForCheckpoint bool
	MaxWait           time.Duration
}

func (a RestoreArgs) resolve() (RestoreArgs, error) {
	var errs []error
	if a.CheckpointDir != "" && a.CheckpointFilenameWithPath != "" {
		errs = append(errs, errBothCheckpoints(a.CheckpointDir, a.CheckpointFilenameWithPath))
	}
	if a.MaxWait < 0 && a.MaxWait != Off {
		errs = append(errs, fmt.Errorf("MaxWait is %v, want a positive duration, 0 (2h) or Off", a.MaxWait))
	}
	if a.MaxWait == 0 {
		a.MaxWait = defaultCheckpointWait
	}
	return a, faults.Join("session: RestoreArgs", errs...)
}

func errBothCheckpoints(dir, file string) error {
	return fmt.Errorf("both CheckpointDir (%q) and CheckpointFilenameWithPath (%q) are set, want at most one", dir, file)
}

// restore reports whether there was something to restore.
func (m *SessionManager) restore(ctx context.Context, s Session, args RestoreArgs) (bool, error) {
	switch {
	case isNil(args.Saver):
		return false, nil
	case args.CheckpointFilenameWithPath != "":
		return true, args.Saver.Restore(ctx, s, args.CheckpointFilenameWithPath)
	case args.CheckpointDir == "":
		return false, nil
	}
	state, err := m.checkpointState(ctx, args)
	if err != nil || state == nil {
		return false, err
	}
	if err := args.Saver.Restore(ctx, s, state.ModelCheckpointPath); err != nil {
		return false, err
	}
	return true, args.Saver.RecoverLastCheckpoints(ctx, state.AllModelCheckpointPaths)
}

// checkpointState returns nil if there is none, after waiting for it if that is
// asked for.
func (m *SessionManager) checkpointState(ctx context.Context, args RestoreArgs) (*CheckpointState, error) {
	start := time.Now()
	for {
		state, err := args.Saver.CheckpointState(ctx, args.CheckpointDir)
		if err != nil {
			return nil, err
		}
		if state != nil && state.ModelCheckpointPath == "" {
			return nil, fmt.Errorf("session: %w of %q: it names no checkpoint", ErrInvalidCheckpointState, args.CheckpointDir)
		}
		if state != nil || !args.WaitForCheckpoint || args.MaxWait != Off && time.Since(start) >= args.MaxWait {
			return state, nil
		}
		if err := m.wait(ctx, "a checkpoint", slog.String("dir", args.CheckpointDir)); err != nil {
			return nil, fmt.Errorf("session: waiting for a checkpoint in %q: %w", args.CheckpointDir, err)
		}
	}
}
