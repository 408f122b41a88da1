package tftrace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

// checkpointMistakes are those of TensorFlow's savers, and of the functions
// around them.
var checkpointMistakes = []mistake{
	{"N-02", "a list longer than max_to_keep never shrinks: one deletion a save"},
	{"N-03", "prefixes are used as file patterns"},
	{"N-04", "relative paths in a state without a list are a type error"},
	{"N-05", "the caller's list of paths is changed"},
	{"N-06", "some errors of the engine are taken for a missing folder"},
	{"N-07", "a value of another shape is restored"},
	{"N-14", "a sharded checkpoint with the name of the state file is written, then refused"},
	{"N-15", "a checkpoint without its data exists, and is not found when it is restored"},
	{"N-16", "an absolute path in a list is made relative twice, if the folder is relative"},
	{"N-17", "a checkpoint whose path is spelled in two ways stands in a list twice, and is removed while it is kept"},
}

// errTensorflow is an error that only TensorFlow makes.
var errTensorflow = errors.New("a type error")

// A tensorflowSavers makes the mistakes that are not mended.
type tensorflowSavers struct {
	mended mended
	// reshaped are variables with a value of another shape than they have.
	reshaped map[string]session.Value
}

func (m *tensorflowSavers) makes(number string) bool { return !m.mended[number] }

// perform does the operations that TensorFlow does wrong.
func (m *tensorflowSavers) perform(ctx context.Context, c *checkpoints, op checkpointOp) (value any, err error, done bool) {
	switch op.Op {
	case "checkpoint_exists":
		if m.makes("N-03") {
			return len(matching(inOurLayout(op.Path))) > 0, nil, true
		}
	case "latest_checkpoint":
		if !m.makes("N-03") {
			break
		}
		state, err := checkpoint.StateFile{Dir: op.Dir, LatestFilename: op.LatestFilename}.Get()
		if err != nil || state == nil || len(matching(state.ModelCheckpointPath)) == 0 {
			return nil, err, true
		}
		return state.ModelCheckpointPath, nil, true
	case "remove_checkpoint":
		if m.makes("N-03") {
			return nil, removeMatching(op.Path), true
		}
	case "update_checkpoint_state":
		if m.makes("N-04") && op.SaveRelativePaths && op.AllPaths == nil {
			return nil, errTensorflow, true
		}
	case "generate_checkpoint_state_proto":
		if m.makes("N-05") && op.AllPaths != nil {
			written, err := checkpoint.StateFile{Dir: op.Dir}.AsWritten(op.state())
			shown := shownState(&written)
			shown["callers_list"] = shown["all_model_checkpoint_paths"]
			return shown, err, true
		}
	case "restore":
		return m.restore(ctx, c, op)
	case "read":
		if v, ok := m.reshaped[sortedKeys(*op.Variables)[0]]; ok {
			return map[string]any{sortedKeys(*op.Variables)[0]: asJSON(v)}, nil, true
		}
	}
	return nil, nil, false
}

func (m *tensorflowSavers) restore(ctx context.Context, c *checkpoints, op checkpointOp) (value any, err error, done bool) {
	if m.makes("N-03") && op.Path != "" && !c.specs[op.Saver].AllowEmpty && len(matching(op.Path)) == 0 {
		return nil, checkpoint.ErrNoCheckpoint, true
	}
	err = c.savers[op.Saver].Restore(ctx, c.session, op.Path)
	mismatch, ok := errors.AsType[*checkpoint.MismatchError](err)
	if ok && m.makes("N-07") && !c.scenario.RefVariables && len(mismatch.Wrong) == 1 && sameType(mismatch.Wrong[0]) {
		contents, err := checkpoint.Load(ctx, op.Path, false)
		name := mismatch.Wrong[0].Name
		m.reshaped = map[string]session.Value{(*c.specs[op.Saver].Variables)[name]: contents.Variables[name]}
		return nil, err, true
	}
	if m.makes("N-15") && c.withoutData[op.Path] {
		err = &scriptedError{kind: "not_found", message: "no data"}
	}
	return nil, err, true
}

func sameType(w checkpoint.WrongVariable) bool {
	return strings.Fields(w.Got)[0] == strings.Fields(w.Want)[0]
}

// matching returns the checkpoints that a path means as a pattern.
func matching(pattern string) []string {
	var found []string
	for _, p := range []string{pattern + checkpoint.Extension, pattern} {
		paths, err := filepath.Glob(p)
		if err != nil {
			panic(err)
		}
		found = append(found, paths...)
	}
	return found
}

func removeMatching(pattern string) error {
	for _, path := range matching(pattern) {
		if err := checkpoint.RemoveCheckpoint(strings.TrimSuffix(path, checkpoint.Extension)); err != nil {
			return err
		}
	}
	return nil
}

// A tensorflowSaver keeps its list itself, as TensorFlow's does.
type tensorflowSaver struct {
	*checkpoint.Saver
	tensorflowSavers
	config  checkpoint.SaverConfig
	sharded bool
	next    time.Time // of keep_checkpoint_every_n_hours; zero: not built
	list    []checkpoint.SavedCheckpoint
}

func newTensorflowSaver(s *checkpoint.Saver, config checkpoint.SaverConfig, sharded bool, m mended) *tensorflowSaver {
	if config.MaxToKeep == 0 {
		config.MaxToKeep = 5
	}
	if config.KeepCheckpointEveryNHours == 0 {
		config.KeepCheckpointEveryNHours = 10_000 * time.Hour
	}
	saver := &tensorflowSaver{Saver: s, tensorflowSavers: tensorflowSavers{mended: m}, config: config, sharded: sharded}
	if !config.DeferBuild {
		saver.start()
	}
	return saver
}

func (s *tensorflowSaver) start() {
	if s.next.IsZero() {
		s.next = time.Now().Add(s.config.KeepCheckpointEveryNHours)
	}
}

func (s *tensorflowSaver) Build(g session.Graph) error {
	s.start()
	return s.Saver.Build(g)
}

func (s *tensorflowSaver) LastCheckpoints() []string {
	paths := make([]string, len(s.list))
	for i, c := range s.list {
		paths[i] = c.Path
	}
	return paths
}

func (s *tensorflowSaver) SetLastCheckpointsWithTime(list []checkpoint.SavedCheckpoint) {
	s.list = list
}

func (s *tensorflowSaver) RecoverLastCheckpoints(_ context.Context, paths []string) error {
	s.list = nil
	for _, path := range paths {
		times, err := checkpoint.GetCheckpointMtimes([]string{path})
		if err != nil {
			return err
		}
		for _, at := range times {
			s.list = append(s.list, checkpoint.SavedCheckpoint{Path: path, Time: at})
		}
	}
	return nil
}

func (s *tensorflowSaver) SaveAs(ctx context.Context, open session.Session, prefix string, args checkpoint.SaveArgs) (string, error) {
	withState := !args.WithoutState
	args.WithoutState = true
	path, err := s.Saver.SaveAs(ctx, open, prefix, args)
	if errors.Is(err, checkpoint.ErrStateFileName) && s.sharded && s.makes("N-14") {
		return "", s.saveThenRefuse(ctx, open, prefix, args)
	}
	if scripted, ok := errors.AsType[*scriptedError](err); ok && s.makes("N-06") && !strings.Contains(prefix, "/") &&
		(scripted.kind == "failed_precondition" || scripted.kind == "not_found") {
		return "", fmt.Errorf("parent directory of %s: %w", prefix, fs.ErrNotExist)
	}
	if err != nil || path == "" || !withState {
		return path, err
	}
	var due []checkpoint.SavedCheckpoint
	if s.config.MaxToKeep != checkpoint.Off {
		due = s.record(checkpoint.SavedCheckpoint{Path: path, Time: time.Now()})
	}
	dir := strings.TrimSuffix(path[:strings.LastIndex(path, "/")+1], "/")
	all := s.LastCheckpoints()
	if s.makes("N-16") && s.config.SaveRelativePaths && !filepath.IsAbs(dir) {
		if err := relativeOnce(dir, all); err != nil {
			return "", err
		}
	}
	file := checkpoint.StateFile{Dir: dir, LatestFilename: args.LatestFilename}
	update := file.Update
	if s.config.SaveRelativePaths {
		update = file.UpdateRelative
	}
	err = update(checkpoint.State{CheckpointState: session.CheckpointState{ModelCheckpointPath: path, AllModelCheckpointPaths: all}})
	if err != nil {
		return "", err
	}
	for _, c := range due {
		if c.Time.After(s.next) {
			s.next = s.next.Add(s.config.KeepCheckpointEveryNHours)
			continue
		}
		remove := checkpoint.RemoveCheckpoint
		if s.makes("N-03") {
			remove = removeMatching
		}
		if err := remove(c.Path); err != nil {
			return "", err
		}
	}
	return path, nil
}

// relativeOnce makes absolute paths those seen from a folder.
func relativeOnce(dir string, paths []string) error {
	from, err := filepath.Abs(dir)
	for i, path := range paths {
		if filepath.IsAbs(path) && err == nil {
			paths[i], err = filepath.Rel(from, path)
		}
	}
	return err
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

// record puts c at the end of the list, and returns what is to be removed.
func (s *tensorflowSaver) record(c checkpoint.SavedCheckpoint) []checkpoint.SavedCheckpoint {
	s.list = append(slices.DeleteFunc(slices.Clone(s.list), func(other checkpoint.SavedCheckpoint) bool {
		return other.Path == c.Path || !s.makes("N-17") && absolute(other.Path) == absolute(c.Path)
	}), c)
	n := max(len(s.list)-s.config.MaxToKeep, 0)
	if s.makes("N-02") {
		n = min(n, 1)
	}
	due := s.list[:n]
	s.list = s.list[n:]
	return due
}

// saveThenRefuse writes the checkpoint, under the only name by which the saver
// lets it, and fails.
func (s *tensorflowSaver) saveThenRefuse(ctx context.Context, open session.Session, prefix string, args checkpoint.SaveArgs) error {
	args.LatestFilename = "another"
	if _, err := s.Saver.SaveAs(ctx, open, prefix, args); err != nil {
		return err
	}
	return checkpoint.ErrNotBuilt // a runtime error
}
