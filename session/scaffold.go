package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// ErrAmbiguousCollection says that a collection from which a piece was to be
// taken holds more than one item.
var ErrAmbiguousCollection = errors.New("more than one item")

// A Scaffold holds the pieces that a training job is set up with. What is not
// given is nil until [Scaffold.Finalize] has found or made it. Hooks that take a
// piece from a Scaffold look it up when they need it.
//
// Pieces are set before Finalize and left alone afterwards.
type Scaffold struct {
	// InitOp gives the variables their first values, with InitFeeds fed. Default:
	// the only item of the collection [InitOpKey], the engine's own
	// ([ScaffoldDefaults]), or [GlobalVariablesInitializer].
	InitOp    Op
	InitFeeds Feeds
	// InitFn is called after InitOp, with the scaffold that it is a field of; nil:
	// nothing is. Like InitOp, it is not called if a checkpoint was restored.
	InitFn func(ctx context.Context, scaffold *Scaffold, s Session) error
	// ReadyOp tells whether the session is ready for use, see [SessionManager].
	// Default: as for InitOp, or [ReportUninitializedVariables].
	ReadyOp Op
	// ReadyForLocalInitOp tells whether LocalInitOp may run. Default: as for
	// InitOp, or none.
	ReadyForLocalInitOp Op
	// LocalInitOp initialises what is not saved, with LocalInitFeeds fed. Default:
	// as for InitOp, or none.
	LocalInitOp    Op
	LocalInitFeeds Feeds
	// SummaryOp makes the summaries that SummarySaverHook records. Default: as for
	// InitOp, or none.
	SummaryOp SummaryOp
	// Saver saves and restores the variables. Default: as for InitOp, or none.
	Saver Saver

	finalized Engine // finalized last; nil: none
}

// CopyFrom takes from another scaffold, as it is now, the pieces that s has
// none of, and returns s. Without another it does nothing.
func (s *Scaffold) CopyFrom(other *Scaffold) *Scaffold {
	if other == nil {
		return s
	}
	copyPiece(&s.InitOp, other.InitOp)
	copyPiece(&s.ReadyOp, other.ReadyOp)
	copyPiece(&s.ReadyForLocalInitOp, other.ReadyForLocalInitOp)
	copyPiece(&s.LocalInitOp, other.LocalInitOp)
	copyPiece(&s.SummaryOp, other.SummaryOp)
	copyPiece(&s.Saver, other.Saver)
	if s.InitFn == nil {
		s.InitFn = other.InitFn
	}
	if s.InitFeeds == nil {
		s.InitFeeds = other.InitFeeds
	}
	if s.LocalInitFeeds == nil {
		s.LocalInitFeeds = other.LocalInitFeeds
	}
	return s
}

func copyPiece[T any](to *T, from T) {
	if isNil(*to) {
		*to = from
	}
}

// Finalize completes s for an engine and finalizes that. A piece that is missing
// is the only item of its collection, if the engine has [Collections]; else it
// is made, and what the engine makes is added to the collection for other
// scaffolds. Two items in a collection are an [ErrAmbiguousCollection]. The names
// in all pieces are resolved, and the saver built.
//
// A second call for the same engine only builds the saver again.
func (s *Scaffold) Finalize(ctx context.Context, engine Engine) error {
	if isNil(engine) {
		return errors.New("session: Scaffold.Finalize: the engine is nil")
	}
	f := finder{engine: engine}
	f.collections, _ = engine.(Collections)
	f.defaults, _ = engine.(ScaffoldDefaults)
	findPiece(&f, &s.InitOp, InitOpKey, "InitOp", GlobalVariablesInitializer())
	findPiece(&f, &s.ReadyOp, ReadyOpKey, "ReadyOp", ReportUninitializedVariables())
	findPiece(&f, &s.ReadyForLocalInitOp, ReadyForLocalInitOpKey, "ReadyForLocalInitOp", nil)
	findPiece(&f, &s.LocalInitOp, LocalInitOpKey, "LocalInitOp", nil)
	findPiece(&f, &s.SummaryOp, SummaryOpKey, "SummaryOp", nil)
	findPiece(&f, &s.Saver, SaversKey, "Saver", nil)
	if f.err != nil {
		return f.err
	}
	if b, ok := s.Saver.(SaverBuilder); ok {
		if err := b.Build(engine); err != nil {
			return fmt.Errorf("session: Scaffold.Saver: %w", err)
		}
	}
	if s.isFinalizedFor(engine) {
		return nil
	}
	if err := engine.Finalize(ctx); err != nil {
		return err
	}
	s.finalized = engine
	return nil
}

func (s *Scaffold) isFinalizedFor(engine Engine) bool {
	return s.finalized != nil && reflect.ValueOf(engine).Comparable() && s.finalized == engine
}

// A finder looks for the pieces of a scaffold in an engine, up to the first
// fault.
type finder struct {
	engine      Engine
	collections Collections      // nil: the engine has none
	defaults    ScaffoldDefaults // nil: the engine has none
	err         error
}

// findPiece makes sure that *piece, which is kept under key, is found and that
// the engine has its names. own is the default where the engine has none.
func findPiece[T any](f *finder, piece *T, key, field string, own T) {
	if f.err != nil {
		return
	}
	if isNil(*piece) {
		found, err := f.find(key)
		var p T
		if err == nil {
			p, err = pieceOf(found, own)
		}
		if err != nil {
			f.err = fmt.Errorf("session: collection %q: %w; set Scaffold.%s to the one to use", key, err, field)
			return
		}
		*piece = p
	}
	for _, name := range namesIn(*piece) {
		if err := f.engine.Resolve(name); err != nil {
			f.err = fmt.Errorf("session: Scaffold.%s: %w", field, err)
			return
		}
	}
}

// find returns the only item of a collection, else the engine's default, which
// is added to it; nil if there is none.
func (f *finder) find(key string) (any, error) {
	if f.collections != nil {
		switch items := f.collections.Collection(key); len(items) {
		case 0:
		case 1:
			return items[0], nil
		default:
			return nil, fmt.Errorf("%w: %d", ErrAmbiguousCollection, len(items))
		}
	}
	if f.defaults == nil {
		return nil, nil
	}
	made := f.defaults.ScaffoldDefault(key)
	if made != nil && f.collections != nil {
		f.collections.AddToCollection(key, made)
	}
	return made, nil
}

// pieceOf returns what was found as a T, own if nothing was.
func pieceOf[T any](found any, own T) (T, error) {
	switch names := found.(type) {
	case nil:
		return own, nil
	case string:
		found = Ops{names}
	case []string:
		found = Ops(names)
	}
	piece, ok := found.(T)
	if !ok {
		return own, fmt.Errorf("got %T, want a %s", found, reflect.TypeFor[T]().Name())
	}
	if isNil(found) {
		return own, fmt.Errorf("got %T that is nil, want a %s", found, reflect.TypeFor[T]().Name())
	}
	return piece, nil
}

// namesIn are the names in the graph that a piece mentions.
func namesIn(piece any) []string {
	switch p := piece.(type) {
	case Ops:
		return p
	case SummaryOp:
		if !isNil(p) {
			return p.Fetches()
		}
	}
	return nil
}
