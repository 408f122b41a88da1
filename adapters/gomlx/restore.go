package gomlx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"

	"github.com/runhook/runhook/session"
)

// Restore gives the variables of a session the values that they have in the
// checkpoint at path: all of them, but for the sums of metrics, or, if it returns
// an error, none. What the checkpoint has besides is left alone.
func (s *Saver) Restore(ctx context.Context, open session.Session, path string) (err error) {
	if err := s.restore(ctx, open, path); err != nil {
		return fmt.Errorf("gomlx: restore %q: %w", path, err)
	}
	return nil
}

func (s *Saver) restore(ctx context.Context, open session.Session, path string) (err error) {
	e, give, err := engineOf(ctx, open)
	if err != nil {
		return err
	}
	defer give()
	defer recovered("reading it", &err)
	saved, err := load(path)
	if err != nil {
		return err
	}
	values := make(assignment)
	var errs []error
	for _, v := range e.state() {
		from := saved.GetVariable(v.Path())
		switch {
		case strings.HasPrefix(v.name, metricsPath):
		case from == nil:
			errs = append(errs, fmt.Errorf("variable %q is missing", v.Path()))
		case !from.Shape().Equal(v.Shape()):
			errs = append(errs, fmt.Errorf("variable %q is %v, want %v", v.Path(), from.Shape(), v.Shape()))
		default:
			value, err := from.Value()
			errs = append(errs, err)
			values[v.Variable] = value
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return e.assign(values)
}

// load returns a store with the variables of a checkpoint. GoMLX loads the newest
// of a folder: it is given one in which there is no other.
func load(path string) (_ *model.Store, err error) {
	alone, err := os.MkdirTemp("", "gomlx-restore-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(alone)) }()
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	for _, suffix := range []string{checkpoint.JsonNameSuffix, checkpoint.BinDataSuffix} {
		if _, err := os.Stat(absolute + suffix); err != nil {
			return nil, err
		}
		if err := os.Symlink(absolute+suffix, filepath.Join(alone, filepath.Base(path)+suffix)); err != nil {
			return nil, err
		}
	}
	store := model.NewStore()
	_, err = checkpoint.Load(store).Dir(alone).ExcludeAllParams().Immediate().Done()
	return store, err
}
