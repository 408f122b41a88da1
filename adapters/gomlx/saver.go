package gomlx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"

	"github.com/runhook/runhook/session"
)

const defaultMaxToKeep = 5

// SaverConfig describes a [Saver].
type SaverConfig struct {
	// MaxToKeep is how many checkpoints are kept. Default 5. session.Off keeps all.
	MaxToKeep int
}

// A Saver saves checkpoints through GoMLX's own handler, so that GoMLX's tools and
// programs read them, and restores those of GoMLX programs. Hyperparameters of
// the store are saved, too, but not restored. What metrics have summed up is not
// saved: GoMLX has another name for it in each process. (The [checkpoint.Saver] of
// runhook, which a training job has by default, saves all that the training goes
// on from.)
//
// The files have GoMLX's names, "checkpoint-n0000003-20060102-150405-step-00000350":
// of the prefix, only the folder counts. Unlike the handler by itself, it never
// leaves half a checkpoint in the folder. What is there is the state: there is no
// state file.
//
// [checkpoint.Saver]: https://pkg.go.dev/github.com/runhook/runhook/session/checkpoint#Saver
type Saver struct {
	max  int
	kept []string // paths, the oldest first
}

var _ session.Saver = (*Saver)(nil)

// NewSaver returns a Saver.
func NewSaver(config SaverConfig) (*Saver, error) {
	switch {
	case config.MaxToKeep < 0 && config.MaxToKeep != session.Off:
		return nil, fmt.Errorf("gomlx: SaverConfig.MaxToKeep is %d, want a positive number, 0 (%d) or Off", config.MaxToKeep, defaultMaxToKeep)
	case config.MaxToKeep == 0:
		config.MaxToKeep = defaultMaxToKeep
	}
	return &Saver{max: config.MaxToKeep}, nil
}

// engineOf returns the engine of a session, and what gives it free again.
func engineOf(ctx context.Context, s session.Session) (e *Engine, give func(), err error) {
	own, ok := session.Ability[*engineSession](s)
	switch {
	case !ok:
		return nil, nil, errors.New("the session is not of a GoMLX engine")
	case own.closed:
		return nil, nil, session.ErrClosed
	}
	if err := own.engine.turn.Take(ctx); err != nil {
		return nil, nil, err
	}
	if !own.engine.built {
		own.engine.turn.Give()
		return nil, nil, errNotBuilt
	}
	return own.engine, own.engine.turn.Give, nil
}

// Save implements [session.Saver].
func (s *Saver) Save(ctx context.Context, open session.Session, prefix string, _ int64) (path string, err error) {
	dir := filepath.Dir(prefix)
	if path, err = s.save(ctx, open, dir); err != nil {
		return "", fmt.Errorf("gomlx: save a checkpoint in %q: %w", dir, err)
	}
	return path, nil
}

func (s *Saver) save(ctx context.Context, open session.Session, dir string) (path string, err error) {
	e, give, err := engineOf(ctx, open)
	if err != nil {
		return "", err
	}
	defer give()
	defer recovered("a checkpoint", &err)
	if err := os.MkdirAll(dir, checkpoint.DirPermMode); err != nil {
		return "", err
	}
	staging, err := os.MkdirTemp(dir, ".saving-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	name, err := e.saveInto(staging)
	if err != nil {
		return "", err
	}
	path, err = moveInto(dir, staging, name)
	if err != nil {
		return "", err
	}
	s.kept = append(s.kept, path)
	return path, s.removeDue()
}

// saveInto has GoMLX save a checkpoint in an empty folder, and returns its name.
func (e *Engine) saveInto(dir string) (name string, err error) {
	store := e.trainer.Store()
	loader := store.Loader()
	defer store.SetLoader(loader) // the handler makes itself one
	handler, err := checkpoint.Build(store).Dir(dir).ExcludeVars(e.unsaved()...).Done()
	if err != nil {
		return "", err
	}
	if err := handler.Save(); err != nil {
		return "", err
	}
	names, err := handler.ListCheckpoints()
	if err != nil || len(names) != 1 {
		return "", errors.Join(err, fmt.Errorf("GoMLX wrote %d checkpoints", len(names)))
	}
	return names[0], nil
}

// unsaved are the variables that GoMLX would not find again.
func (e *Engine) unsaved() []*model.Variable {
	var unsaved []*model.Variable
	for v := range e.trainer.Store().IterVariables() {
		if name, ok := stateName(e.trainer, v); !ok || strings.HasPrefix(name, metricsPath) {
			unsaved = append(unsaved, v)
		}
	}
	return unsaved
}

// number is that in the name of a checkpoint, by which GoMLX sorts them.
var number = regexp.MustCompile(`^checkpoint-n(\d+)-`)

// moveInto puts a checkpoint behind those in dir: its data first, since that
// which has a description counts.
func moveInto(dir, from, name string) (path string, err error) {
	there, err := list(dir)
	if err != nil {
		return "", err
	}
	next := 0
	for _, other := range there {
		if found := number.FindStringSubmatch(filepath.Base(other)); found != nil {
			n, _ := strconv.Atoi(found[1])
			next = max(next, n+1)
		}
	}
	path = filepath.Join(dir, number.ReplaceAllString(name, fmt.Sprintf("checkpoint-n%07d-", next)))
	for _, suffix := range []string{checkpoint.BinDataSuffix, checkpoint.JsonNameSuffix} {
		if err := sync(filepath.Join(from, name+suffix)); err != nil {
			return "", err
		}
		if err := os.Rename(filepath.Join(from, name+suffix), path+suffix); err != nil {
			return "", err
		}
	}
	return path, sync(dir)
}

// sync has what was written to a file or a folder on the disk.
func sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// list returns the checkpoints in dir, the oldest first. A folder that is not
// there has none.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, entry := range entries { // sorted by name
		name, described := strings.CutSuffix(entry.Name(), checkpoint.JsonNameSuffix)
		if described && number.MatchString(name) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, nil
}

// removeDue removes the checkpoints that are kept no longer.
func (s *Saver) removeDue() error {
	for s.max != session.Off && len(s.kept) > s.max {
		for _, suffix := range []string{checkpoint.JsonNameSuffix, checkpoint.BinDataSuffix} {
			if err := os.Remove(s.kept[0] + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		s.kept = s.kept[1:]
	}
	return nil
}

// CheckpointState implements [session.Saver].
func (s *Saver) CheckpointState(_ context.Context, dir string) (*session.CheckpointState, error) {
	paths, err := list(dir)
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	return &session.CheckpointState{ModelCheckpointPath: paths[len(paths)-1], AllModelCheckpointPaths: paths}, nil
}

// RecoverLastCheckpoints implements [session.Saver].
func (s *Saver) RecoverLastCheckpoints(_ context.Context, paths []string) error {
	s.kept = slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		_, err := os.Stat(path + checkpoint.JsonNameSuffix)
		return errors.Is(err, fs.ErrNotExist)
	})
	return nil
}
