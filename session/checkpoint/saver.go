package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// Off, as a limit, means none.
const Off = session.Off

const (
	defaultMaxToKeep = 5
	defaultKeepEvery = 10_000 * time.Hour
)

var (
	// ErrNotBuilt says that a Saver with DeferBuild was not built yet.
	ErrNotBuilt = errors.New("Build has to be called first")
	// ErrNoVariables says that there is nothing to save.
	ErrNoVariables = errors.New("no variables to save")
)

// SaverConfig describes a [Saver]. The zero value is TensorFlow's default.
type SaverConfig struct {
	// Variables are what to save and restore: the names in checkpoints, with the
	// names that the variables have in the session. nil: all, by their own names.
	Variables map[string]string
	// AllowEmpty makes a Saver of no variables do nothing instead of failing with
	// [ErrNoVariables].
	AllowEmpty bool
	// MaxToKeep is how many checkpoints are kept. Default 5. Off keeps all; then
	// the state file lists the newest only.
	MaxToKeep int
	// KeepCheckpointEveryNHours is after which time one more of those that are due
	// for removal is kept for good. Default 10000 h. Off keeps none.
	KeepCheckpointEveryNHours time.Duration
	// PadStepNumber makes the step in names at least 8 digits long.
	PadStepNumber bool
	// SaveRelativePaths makes the state file name checkpoints as seen from its
	// folder also where an absolute path is given to Save.
	SaveRelativePaths bool
	// LatestFilename is the name of the state file. Default "checkpoint".
	LatestFilename string
	// Metadata is added to that of the files. "global_step" and "crc32c" are
	// taken.
	Metadata map[string]string
	// DeferBuild makes it an error, [ErrNotBuilt], to use the Saver before Build.
	DeferBuild bool
	// IgnoreExtra makes Restore pass over what the session has no variable for.
	IgnoreExtra bool
	// AcceptUnchecked makes Restore take files of other programs, which have no
	// checksum.
	AcceptUnchecked bool
	// FallBack makes Restore use the checkpoint before one that is missing, torn or
	// corrupt, by the state file in its folder. It is told of each that is passed
	// over. nil: such a checkpoint is an error.
	FallBack func(path string, err error)
	// Logger is told of a state file that cannot be read, of a checkpoint that
	// cannot be removed, which the next Save tries again, and of rests of files,
	// which killed jobs have left. nil: nobody is.
	Logger *slog.Logger
}

func (c SaverConfig) resolve() (SaverConfig, error) {
	var errs []error
	c.Variables, c.Metadata = maps.Clone(c.Variables), maps.Clone(c.Metadata)
	if c.Variables != nil && len(c.Variables) == 0 && !c.AllowEmpty {
		errs = append(errs, fmt.Errorf("%w: Variables is empty, but not nil", ErrNoVariables))
	}
	named := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(c.Variables)) {
		variable := c.Variables[name]
		if other, twice := named[variable]; twice {
			errs = append(errs, fmt.Errorf("the Variables have %q under two names, %q and %q", variable, other, name))
		}
		named[variable] = name
	}
	if c.Variables != nil && c.DeferBuild {
		errs = append(errs, errors.New("both Variables and DeferBuild are set, want at most one"))
	}
	if c.MaxToKeep < 0 && c.MaxToKeep != Off {
		errs = append(errs, fmt.Errorf("MaxToKeep is %d, want a positive number, 0 (5) or Off", c.MaxToKeep))
	}
	if c.KeepCheckpointEveryNHours < 0 && c.KeepCheckpointEveryNHours != Off {
		errs = append(errs, fmt.Errorf("KeepCheckpointEveryNHours is %v, want a positive duration, 0 (10000h) or Off", c.KeepCheckpointEveryNHours))
	}
	errs = append(errs, checkLatestFilename(c.LatestFilename))
	for _, key := range []string{checksumKey, stepKey} {
		if _, taken := c.Metadata[key]; taken {
			errs = append(errs, fmt.Errorf("the Metadata have the key %q, which is taken", key))
		}
	}
	c.MaxToKeep = cmp.Or(c.MaxToKeep, defaultMaxToKeep)
	c.KeepCheckpointEveryNHours = cmp.Or(c.KeepCheckpointEveryNHours, defaultKeepEvery)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("checkpoint: SaverConfig", errs...)
}

// A Saver saves the variables of sessions, keeps the newest checkpoints, and
// restores them: tf.train.Saver. Sessions have to be [session.Saveable].
//
// Saving writes from the memory of the variables, without a copy; restoring reads
// into new memory, which the session takes over. A Saver is used by one goroutine
// at a time, and by none while the session runs.
type Saver struct {
	config SaverConfig
	on     files
	built  bool
	shelf  shelf
	swept  string // the prefix that sweep was called for
}

var _ session.SaverBuilder = (*Saver)(nil)

// NewSaver returns a Saver, or all that is wrong with config.
func NewSaver(config SaverConfig) (*Saver, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	s := &Saver{config: config, on: osFiles{}}
	if !config.DeferBuild {
		s.start()
	}
	return s, nil
}

// start begins the time of KeepCheckpointEveryNHours.
func (s *Saver) start() {
	s.built = true
	s.shelf = shelf{max: s.config.MaxToKeep, every: s.config.KeepCheckpointEveryNHours}
	if s.shelf.every != Off {
		s.shelf.next = time.Now().Add(s.shelf.every)
	}
}

// Build checks that the graph has the variables. A Saver with DeferBuild can be
// used from then on.
func (s *Saver) Build(graph session.Graph) error {
	for _, name := range slices.Sorted(maps.Values(s.config.Variables)) {
		if err := graph.Resolve(name); err != nil {
			return fmt.Errorf("checkpoint: SaverConfig.Variables: %w", err)
		}
	}
	if !s.built {
		s.start()
	}
	return nil
}

// SaveArgs are what [Saver.SaveAs] can do besides.
type SaveArgs struct {
	// GlobalStep is added to the path, behind a hyphen. nil: nothing is.
	GlobalStep *int64
	// LatestFilename is the name of the state file. Default that of the config.
	LatestFilename string
	// WithoutState leaves the state file and the list of checkpoints as they are:
	// nobody removes this one.
	WithoutState bool
}

// Save is SaveAs with a step.
func (s *Saver) Save(ctx context.Context, open session.Session, prefix string, step int64) (path string, err error) {
	return s.SaveAs(ctx, open, prefix, SaveArgs{GlobalStep: &step})
}

// SaveAs writes a checkpoint, makes it the newest in the state of its folder,
// removes those that are kept no longer, and returns its path. The last part of
// the folder's path is made if it is missing.
//
// A variable without a value is an error that Is [session.ErrUninitialized]. If
// SaveAs fails, the checkpoints of before are there, and the state file names
// them; if only the state file could not be written, the new one is there, too.
func (s *Saver) SaveAs(ctx context.Context, open session.Session, prefix string, args SaveArgs) (path string, err error) {
	if !s.built {
		return "", fmt.Errorf("checkpoint: save %q: %w", prefix, ErrNotBuilt)
	}
	state := StateFile{Dir: dirOf(prefix), LatestFilename: cmp.Or(args.LatestFilename, s.config.LatestFilename, DefaultLatestFilename)}
	if err := checkLatestFilename(args.LatestFilename); err != nil {
		return "", fmt.Errorf("checkpoint: save %q: %w", prefix, err)
	}
	path, err = s.name(prefix, args.GlobalStep, state.LatestFilename)
	if err != nil {
		return "", err
	}
	tensors, err := s.collect(ctx, open)
	if err != nil {
		return "", fmt.Errorf("checkpoint: save %q: %w", path, err)
	}
	if len(tensors) == 0 {
		return "", nil
	}
	s.sweep(ctx, prefix)
	if err := s.write(ctx, path, tensors, args.GlobalStep); err != nil {
		return "", fmt.Errorf("checkpoint: save %q: %w", path, err)
	}
	if args.WithoutState {
		return path, nil
	}
	s.shelf.add(SavedCheckpoint{path, time.Now()})
	newest := State{CheckpointState: session.CheckpointState{ModelCheckpointPath: path, AllModelCheckpointPaths: s.shelf.paths()}}
	if err := state.update(s.on, newest, s.config.SaveRelativePaths); err != nil {
		return "", err
	}
	s.removeDue(ctx)
	return path, nil
}

// name returns the path of a checkpoint.
func (s *Saver) name(prefix string, step *int64, latestFilename string) (string, error) {
	path := prefix
	switch {
	case step != nil && *step < 0:
		return "", fmt.Errorf("checkpoint: save %q: the step is %d", prefix, *step)
	case step != nil && s.config.PadStepNumber:
		path += fmt.Sprintf("-%08d", *step)
	case step != nil:
		path += "-" + strconv.FormatInt(*step, 10)
	}
	switch filepath.Base(path) {
	case ".", "..", string(filepath.Separator):
		return "", fmt.Errorf("checkpoint: save %q: not the name of a file", prefix)
	case latestFilename:
		return "", fmt.Errorf("checkpoint: save %q: %w", path, ErrStateFileName)
	}
	return path, nil
}

// collect returns what to save, by the names in the checkpoint.
func (s *Saver) collect(ctx context.Context, open session.Session) (map[string]session.Tensor, error) {
	saveable, err := saveableOf(open)
	if err != nil {
		return nil, err
	}
	all, err := s.variables(ctx, saveable)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]session.Tensor, len(all))
	var uninitialized []string
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		if !v.Initialized {
			uninitialized = append(uninitialized, v.Name)
			continue
		}
		t, err := tensorOf(v.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("variable %q: %w", v.Name, err))
		}
		tensors[name] = t
	}
	if len(uninitialized) > 0 {
		errs = append(errs, fmt.Errorf("variables %q: %w", uninitialized, session.ErrUninitialized))
	}
	return tensors, errors.Join(errs...)
}

// variables returns the session's variables by their names in the checkpoint.
func (s *Saver) variables(ctx context.Context, saveable session.Saveable) (map[string]session.Variable, error) {
	listed, err := saveable.Variables(ctx)
	if err != nil {
		return nil, err
	}
	own := make(map[string]session.Variable, len(listed))
	names := make([]string, len(listed))
	for i, v := range listed {
		own[v.Name], names[i] = v, v.Name
	}
	if s.config.Variables == nil {
		if len(own) == 0 && !s.config.AllowEmpty {
			return nil, ErrNoVariables
		}
		return own, nil
	}
	chosen := make(map[string]session.Variable, len(s.config.Variables))
	for _, name := range slices.Sorted(maps.Keys(s.config.Variables)) {
		variable := s.config.Variables[name]
		v, ok := own[variable]
		if !ok {
			return nil, session.UnknownName(variable, names)
		}
		chosen[name] = v
	}
	return chosen, nil
}

func saveableOf(open session.Session) (session.Saveable, error) {
	saveable, ok := session.Ability[session.Saveable](open)
	if !ok {
		return nil, fmt.Errorf("a session of type %T is not session.Saveable", engineOf(open))
	}
	return saveable, nil
}

// engineOf returns the engine's own session.
func engineOf(open session.Session) session.Session {
	for {
		wrapping, ok := open.(interface{ Unwrap() session.Session })
		if !ok {
			return open
		}
		open = wrapping.Unwrap()
	}
}

// sweep removes what jobs that were killed have left of checkpoints under a
// prefix, when that is saved under for the first time.
func (s *Saver) sweep(ctx context.Context, prefix string) {
	if s.swept == prefix {
		return
	}
	s.swept = prefix
	dir := dirOf(prefix)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	for _, entry := range entries {
		step, ok := strings.CutPrefix(entry.Name(), filepath.Base(prefix))
		step, temporary := strings.CutSuffix(step, Extension+temporarySuffix)
		if ok && temporary && (step == "" || step[0] == '-' && strings.Trim(step[1:], "0123456789") == "") {
			err = errors.Join(err, s.on.Remove(joined(dir, entry.Name())))
		}
	}
	if err != nil && !isMissing(err) {
		s.config.Logger.LogAttrs(ctx, slog.LevelWarn, "the rest of a checkpoint cannot be removed", slog.Any("error", err))
	}
}

func (s *Saver) write(ctx context.Context, path string, tensors map[string]session.Tensor, step *int64) error {
	dir := cmp.Or(dirOf(path), ".")
	if err := makeDir(s.on, dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the folder around %q does not exist: %w", dir, err)
		}
		return err
	}
	metadata := maps.Clone(s.config.Metadata)
	if step != nil {
		if metadata == nil {
			metadata = make(map[string]string)
		}
		metadata[stepKey] = strconv.FormatInt(*step, 10)
	}
	return writeFile(ctx, s.on, path+Extension, tensors, metadata)
}

// removeDue removes the checkpoints that are kept no longer. The new one is safe
// already: that an old one stays is no reason to fail.
func (s *Saver) removeDue(ctx context.Context) {
	var left []SavedCheckpoint
	for _, c := range s.shelf.takeDue() {
		if err := s.on.Remove(c.Path + Extension); err != nil && !isMissing(err) {
			s.config.Logger.LogAttrs(ctx, slog.LevelWarn, "a checkpoint cannot be removed", slog.String("path", c.Path), slog.Any("error", err))
			left = append(left, c)
		}
	}
	s.shelf.due = left
}

// CheckpointState returns what the state file in dir says; nil if there is none,
// or it cannot be read.
func (s *Saver) CheckpointState(ctx context.Context, dir string) (*session.CheckpointState, error) {
	state, err := StateFile{Dir: dir, LatestFilename: s.config.LatestFilename}.Read()
	switch {
	case err == nil:
		return &state.CheckpointState, nil
	case errors.Is(err, session.ErrInvalidCheckpointState):
		return nil, err
	case !isMissing(err):
		s.config.Logger.LogAttrs(ctx, slog.LevelWarn, "a state file cannot be read", slog.Any("error", err))
	}
	return nil, nil
}

// dirOf returns the folder in path as it is spelled there; "" if there is none.
func dirOf(path string) string {
	dir, _ := filepath.Split(path)
	if trimmed := strings.TrimRight(dir, string(filepath.Separator)); trimmed != "" {
		return trimmed
	}
	return dir
}
