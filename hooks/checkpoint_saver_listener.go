package hooks

import (
	"context"

	"github.com/runhook/runhook/session"
)

// A CheckpointSaverListener acts before and after each checkpoint of a
// [CheckpointSaverHook]. Its methods are called one at a time; an error ends the
// training, as that of a hook does. [BaseCheckpointSaverListener] has all of
// them.
type CheckpointSaverListener interface {
	// Begin is called by Begin of the hook: the time to resolve names.
	Begin(ctx context.Context, graph session.Graph) error
	// BeforeSave is called before the checkpoint of step is written.
	BeforeSave(ctx context.Context, s session.Session, step int64) error
	// AfterSave is called when it was. It may ask for a stop of the training.
	AfterSave(ctx context.Context, s session.Session, step int64) (stop bool, err error)
	// End is called by End of the hook, after the last checkpoint.
	End(ctx context.Context, s session.Session, step int64) error
}

// BaseCheckpointSaverListener has methods that do nothing, to be embedded.
type BaseCheckpointSaverListener struct{}

var _ CheckpointSaverListener = BaseCheckpointSaverListener{}

// Begin does nothing.
func (BaseCheckpointSaverListener) Begin(context.Context, session.Graph) error { return nil }

// BeforeSave does nothing.
func (BaseCheckpointSaverListener) BeforeSave(context.Context, session.Session, int64) error {
	return nil
}

// AfterSave asks for nothing.
func (BaseCheckpointSaverListener) AfterSave(context.Context, session.Session, int64) (bool, error) {
	return false, nil
}

// End does nothing.
func (BaseCheckpointSaverListener) End(context.Context, session.Session, int64) error { return nil }
