package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/runhook/runhook/session"
)

// A MismatchError says that a checkpoint is not one of the variables of a
// session. Names are those in the checkpoint.
type MismatchError struct {
	Path    string
	Missing []string // variables that the checkpoint has not
	Extra   []string // what the session has no variable for
	// Wrong are variables of another type or shape.
	Wrong []WrongVariable
}

// A WrongVariable is a variable of another type or shape in the checkpoint than
// in the session.
type WrongVariable struct {
	Name      string
	Got, Want string // such as "float32 [2 3]"
}

func (e *MismatchError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, fmt.Sprintf("%q are missing", e.Missing))
	}
	if len(e.Extra) > 0 {
		parts = append(parts, fmt.Sprintf("the session has no variables %q", e.Extra))
	}
	for _, w := range e.Wrong {
		parts = append(parts, fmt.Sprintf("%q is %s, want %s", w.Name, w.Got, w.Want))
	}
	return fmt.Sprintf("%s does not fit the session: %s", e.Path, strings.Join(parts, "; "))
}

// Restore gives the variables of a session the values that they have in the
// checkpoint at path, and initialises them by it: all of them or, if it returns
// an error, none.
//
// The error Is [ErrNoCheckpoint], [ErrCorrupt] or [ErrUnchecked], or a
// *[MismatchError] that names all that does not fit.
func (s *Saver) Restore(ctx context.Context, open session.Session, path string) error {
	if !s.built {
		return fmt.Errorf("checkpoint: restore %q: %w", path, ErrNotBuilt)
	}
	var errs []error
	for {
		err := s.restore(ctx, open, path)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("checkpoint: restore %q: %w", path, err)
		errs = append(errs, err)
		if s.config.FallBack == nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnchecked) && !errors.Is(err, ErrNoCheckpoint) {
			return errors.Join(errs...)
		}
		older := s.before(path)
		if older == "" {
			return errors.Join(errs...)
		}
		s.config.FallBack(path, err)
		path = older
	}
}

// before returns the checkpoint before the one at path, by the state file beside
// it; "" if there is none.
func (s *Saver) before(path string) string {
	state, err := StateFile{Dir: dirOf(path), LatestFilename: s.config.LatestFilename}.Read()
	if err != nil {
		return ""
	}
	all := state.AllModelCheckpointPaths
	i := slices.IndexFunc(all, func(p string) bool { return samePath(p, path) })
	if i < 0 && samePath(state.ModelCheckpointPath, path) {
		i = len(all)
	}
	if i < 1 {
		return ""
	}
	return all[i-1]
}

func (s *Saver) restore(ctx context.Context, open session.Session, path string) (err error) {
	saveable, err := saveableOf(open)
	if err != nil {
		return err
	}
	variables, err := s.variables(ctx, saveable)
	if err != nil || len(variables) == 0 {
		return err
	}
	r, err := openReader(path, s.config.AcceptUnchecked)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	fitting, mismatch := s.compare(r, variables)
	tensors, err := r.readAll(ctx, fitting)
	if err != nil {
		return err // also if the mismatch is only damage
	}
	if mismatch != nil {
		return mismatch
	}
	values := make(map[string]session.Value, len(variables))
	for name, v := range variables {
		values[v.Name] = valueOf(tensors[name], v.Value)
	}
	return saveable.SetVariables(ctx, values)
}

// compare tells which tensors of a checkpoint fit the variables, and returns what
// does not.
func (s *Saver) compare(r *reader, variables map[string]session.Variable) (fitting map[string]bool, _ error) {
	e := &MismatchError{Path: r.path}
	fitting = make(map[string]bool, len(variables))
	missing := maps.Clone(variables)
	for _, entry := range r.entries {
		v, ok := variables[entry.name]
		delete(missing, entry.name)
		switch want, got := describe(v.Value), entry.String(); {
		case ok && (want == "" || want == got):
			fitting[entry.name] = true
		case ok:
			e.Wrong = append(e.Wrong, WrongVariable{entry.name, got, want})
		case s.config.Variables == nil && !s.config.IgnoreExtra:
			e.Extra = append(e.Extra, entry.name)
		}
	}
	e.Missing = slices.Sorted(maps.Keys(missing))
	if len(e.Missing)+len(e.Extra)+len(e.Wrong) == 0 {
		return fitting, nil
	}
	slices.Sort(e.Extra)
	slices.SortFunc(e.Wrong, func(a, b WrongVariable) int { return strings.Compare(a.Name, b.Name) })
	return fitting, e
}

// describe names the type and the shape of a value; "" if it has none.
func describe(v session.Value) string {
	if v.IsNone() {
		return ""
	}
	t, err := tensorOf(v)
	if err != nil {
		return v.Kind().String()
	}
	return entry{dtype: t.DType(), shape: t.Shape}.String()
}

// String is the type and the shape.
func (e entry) String() string { return fmt.Sprintf("%s %v", e.dtype, e.shape) }
