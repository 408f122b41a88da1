package session

import "context"

// A Saver writes the variables of sessions to checkpoints and reads them back.
// A checkpoint is known by the prefix of its files, such as "dir/model.ckpt-12".
//
// Sessions are given as hooks have them: [Ability] finds an engine's own abilities.
// A Saver is used by one goroutine at a time.
type Saver interface {
	// Save writes a checkpoint of s, makes it the newest in the state of its
	// folder, removes those that are kept no longer, and returns its path: prefix,
	// a hyphen and the step. A Saver whose files have names that others look for
	// takes the folder of prefix only.
	Save(ctx context.Context, s Session, prefix string, step int64) (path string, err error)
	// Restore gives the variables of s the values that they have in the checkpoint
	// at path.
	Restore(ctx context.Context, s Session, path string) error
	// CheckpointState returns what is known of the checkpoints in dir; nil, and no
	// error, if nothing is, or it cannot be read.
	CheckpointState(ctx context.Context, dir string) (*CheckpointState, error)
	// RecoverLastCheckpoints makes paths, the oldest first, those that Save
	// counts as its own when it removes old ones. Paths without files are left
	// out.
	RecoverLastCheckpoints(ctx context.Context, paths []string) error
}

// A SaverBuilder is a [Saver] that wants to see the graph before the engine is
// finalized, to resolve names or to choose what to save.
type SaverBuilder interface {
	Saver
	// Build is called by each [Scaffold.Finalize]; all but the first call do
	// nothing.
	Build(graph Graph) error
}

// A CheckpointState lists the checkpoints in a folder.
type CheckpointState struct {
	// ModelCheckpointPath is the newest checkpoint.
	ModelCheckpointPath string
	// AllModelCheckpointPaths are those that are kept, the oldest first.
	AllModelCheckpointPaths []string
}
