package tftrace

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
)

func init() { replayers["checkpoints"] = replayCheckpoints }

func replayCheckpoints(t *testing.T, d document) outcome {
	want, got := bindingCheckpoints(recorded(t, d)), playCheckpoints(t, d, nil)
	if difference(want, got, exactly) == "" {
		return outcome{} // the disk is too slow to play the model as well
	}
	return judgeAmong(checkpointMistakes, want, got, func(m mended) trace {
		return playCheckpoints(t, d, &tensorflowSavers{mended: m})
	})
}

// bindingCheckpoints returns what of a trace an implementation has to match: not
// the meta graphs, which engines here have not, and not in which slices a wait
// is slept.
func bindingCheckpoints(tr trace) trace {
	var out []event
	for _, e := range tr.Events {
		e = maps.Clone(e)
		delete(e, "metas")
		if list, ok := e["checkpoints"].([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		}
		if e["ev"] == "sleep" || e["op"] == "meta_graph_filename" || e["ev"] == "disk" && e["checkpoints"] == nil && e["states"] == nil {
			continue
		}
		out = append(out, e)
	}
	return trace{Events: out}
}

// checkpointKinds are the kinds of the errors that savers make themselves.
var checkpointKinds = []struct {
	sentinel error
	kind     string
}{
	{checkpoint.ErrNotBuilt, "runtime_error"},
	{checkpoint.ErrNoVariables, "value_error"},
	{checkpoint.ErrNoCheckpoint, "value_error"},
	{checkpoint.ErrCorrupt, "data_loss"},
	{checkpoint.ErrUnchecked, "data_loss"},
	{session.ErrInvalidCheckpointState, "value_error"},
	{session.ErrUninitialized, "failed_precondition"},
	{errNotAssignable, "assertion_error"},
	{errTensorflow, "type_error"},
}

func checkpointErrorParts(op string, err error) []errorPart {
	if scripted, ok := errors.AsType[*scriptedError](err); ok {
		return []errorPart{{scripted.kind, scripted.Error()}}
	}
	if mismatch, ok := errors.AsType[*checkpoint.MismatchError](err); ok {
		if len(mismatch.Missing) > 0 {
			return []errorPart{{"not_found", err.Error()}}
		}
		return []errorPart{{"invalid_argument", err.Error()}}
	}
	for _, k := range checkpointKinds {
		if errors.Is(err, k.sentinel) {
			return []errorPart{{k.kind, err.Error()}}
		}
	}
	updates := op == "update_checkpoint_state"
	switch refused := errors.Is(err, checkpoint.ErrStateFileName); {
	case refused && updates:
		return []errorPart{{"runtime_error", err.Error()}}
	case errors.Is(err, fs.ErrNotExist) && updates:
		return []errorPart{{"not_found", err.Error()}}
	case refused, errors.Is(err, fs.ErrNotExist), slices.ContainsFunc(wrongCheckpointArguments, func(part string) bool { return strings.Contains(err.Error(), part) }):
		return []errorPart{{"value_error", err.Error()}}
	}
	return []errorPart{{"of no known kind", err.Error()}}
}

// wrongCheckpointArguments are in the errors about configs and arguments, which
// have no sentinel.
var wrongCheckpointArguments = []string{"checkpoint: SaverConfig: ", "LatestFilename is ", " timestamps for the "}

// A replaySaver is what the scenarios use of a saver.
type replaySaver interface {
	session.SaverBuilder
	SaveAs(ctx context.Context, open session.Session, prefix string, args checkpoint.SaveArgs) (string, error)
	LastCheckpoints() []string
	SetLastCheckpointsWithTime(checkpoints []checkpoint.SavedCheckpoint)
}

// A checkpoints plays scenarios with this library.
type checkpoints struct {
	mu sync.Mutex // not held while time passes
	*recorder
	t        *testing.T
	scenario *checkpointScenario
	dir      string
	session  session.Session
	savers   map[string]replaySaver
	specs    map[string]checkpointOp // how the savers were made
	mistakes *tensorflowSavers       // nil: none are made
	// withoutData are checkpoints of which the data was deleted.
	withoutData map[string]bool
	disk        map[string]any // as it was written down last
}

// playCheckpoints plays a scenario with this library, or as a model of
// TensorFlow made of the library's parts.
func playCheckpoints(t *testing.T, d document, mistakes *tensorflowSavers) (tr trace) {
	t.Helper()
	dir := t.TempDir()
	s := parseCheckpointScenario(t, d, dir)
	t.Chdir(dir)
	synctest.Test(t, func(t *testing.T) {
		c := &checkpoints{
			recorder: newRecorder(), t: t, scenario: s, dir: dir, mistakes: mistakes,
			savers: make(map[string]replaySaver), specs: make(map[string]checkpointOp), withoutData: make(map[string]bool),
			disk: map[string]any{"checkpoints": []any{}, "states": map[string]any{}},
		}
		c.openSession()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.playSchedule(ctx)
		}()
		for _, op := range s.Ops {
			c.do(op, false)
		}
		cancel()
		<-done
		tr = trace{Events: c.events}
	})
	return tr
}

// playSchedule does what the other process does, just before its time: who looks
// at that time sees it.
func (c *checkpoints) playSchedule(ctx context.Context) {
	for _, op := range c.scenario.Schedule {
		select {
		case <-time.After(time.Until(c.start.Add(secs(op.At) - time.Microsecond))):
			c.do(op, true)
		case <-ctx.Done():
			return
		}
	}
}

func (c *checkpoints) openSession() {
	g := graph.New()
	for _, name := range sortedKeys(c.scenario.Variables) {
		spec := c.scenario.Variables[name]
		g.Variable(name, func() session.Value {
			if spec.int64 != nil {
				return session.Int64(*spec.int64)
			}
			return toValue(spec.value)
		})
	}
	var err error
	c.session, err = g.NewSession(c.t.Context())
	require.NoError(c.t, err)
	if c.scenario.Initialize == nil {
		c.initialize()
	}
}

func (c *checkpoints) initialize() {
	require.NoError(c.t, c.session.(session.Initializer).Init(c.t.Context()))
}

// A faultySession is one whose variables cannot be read.
type faultySession struct {
	session.Session
	err error
}

func (s faultySession) Variables(context.Context) ([]session.Variable, error) { return nil, s.err }

func (s faultySession) SetVariables(context.Context, map[string]session.Value) error { return s.err }

// outside are the operations that give no event of their own.
var outside = map[string]bool{
	"make_dir": true, "advance": true, "set": true, "write_file": true, "delete_files": true, "rename_dir": true, "initialize": true,
}

// waiting are the operations in which time passes.
var waiting = map[string]bool{"advance": true, "checkpoints_iterator": true, "wait_for_new_checkpoint": true}

func (c *checkpoints) do(op checkpointOp, other bool) {
	if op.Op == "meta_graph_filename" {
		return
	}
	var value any
	var err error
	if waiting[op.Op] {
		value, err = c.perform(op)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !waiting[op.Op] {
		value, err = c.perform(op)
	}
	c.setTimes()
	switch {
	case err != nil:
		require.False(c.t, outside[op.Op], "%s: %v", op.Op, err)
		c.write(other, "raise", "op", op.Op)["error"] = checkpointErrorParts(op.Op, err)
	case !outside[op.Op]:
		e := c.write(other, "return", "op", op.Op)
		if value != nil {
			e["value"] = c.shown(asJSON(value))
		}
	}
	c.lookAtDisk(other)
}

// writeWaiting writes an event from within an operation in which time passes.
func (c *checkpoints) writeWaiting(ev string, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(false, ev, "value", value)
}

// inOurLayout turns the name of a file of TensorFlow's, which has two a
// checkpoint, into the one here.
func inOurLayout(name string) string {
	return strings.TrimSuffix(name, ".index") + map[bool]string{true: checkpoint.Extension}[strings.HasSuffix(name, ".index")]
}

// orNothing is nil for "", Python's None.
func orNothing(path string, err error) (any, error) {
	if path == "" || err != nil {
		return nil, err
	}
	return path, nil
}

func (c *checkpoints) perform(op checkpointOp) (any, error) {
	ctx := c.t.Context()
	if c.mistakes != nil {
		if value, err, done := c.mistakes.perform(ctx, c, op); done {
			return value, err
		}
	}
	saver := c.savers[op.Saver]
	state := checkpoint.StateFile{Dir: op.Dir, LatestFilename: op.LatestFilename}
	switch op.Op {
	case "new_saver":
		return nil, c.newSaver(op)
	case "build":
		return nil, saver.Build(nil)
	case "save":
		return c.save(ctx, op)
	case "restore":
		return nil, saver.Restore(ctx, c.session, inOurLayout(op.Path))
	case "last_checkpoints":
		return saver.LastCheckpoints(), nil
	case "set_last_checkpoints", "set_last_checkpoints_with_time":
		return nil, c.setLastCheckpoints(op)
	case "recover_last_checkpoints":
		return nil, saver.RecoverLastCheckpoints(ctx, op.Paths.items)
	case "recover_from_state":
		state, err := saver.CheckpointState(ctx, op.Dir)
		if err != nil || state == nil {
			return nil, err
		}
		return nil, saver.RecoverLastCheckpoints(ctx, state.AllModelCheckpointPaths)
	case "latest_checkpoint":
		return orNothing(state.Latest())
	case "get_checkpoint_state":
		found, err := state.Get()
		if err != nil || found == nil {
			return nil, err
		}
		return shownState(found), nil
	case "update_checkpoint_state":
		if op.SaveRelativePaths {
			return nil, state.UpdateRelative(op.state())
		}
		return nil, state.Update(op.state())
	case "generate_checkpoint_state_proto":
		given := op.state()
		written, err := state.AsWritten(given)
		if err != nil {
			return nil, err
		}
		shown := shownState(&written)
		if op.AllPaths != nil {
			shown["callers_list"] = asList(given.AllModelCheckpointPaths)
		}
		return shown, nil
	case "remove_checkpoint":
		return nil, checkpoint.RemoveCheckpoint(op.Path)
	case "checkpoint_exists":
		return checkpoint.CheckpointExists(inOurLayout(op.Path)), nil
	case "get_checkpoint_mtimes":
		times, err := checkpoint.GetCheckpointMtimes(op.Paths.items)
		shown := []any{}
		for _, at := range times {
			shown = append(shown, c.since(at))
		}
		return shown, err
	case "checkpoints_iterator":
		return nil, c.iterate(ctx, op)
	case "wait_for_new_checkpoint":
		return orNothing(checkpoint.WaitForNewCheckpoint(ctx, op.Dir, op.LastCheckpoint, checkpoint.WaitConfig{
			SecondsToSleep: secs(op.SecondsToSleep), Timeout: limit(op.Timeout),
		}))
	}
	return c.performOutside(ctx, op)
}

func (op checkpointOp) state() checkpoint.State {
	s := checkpoint.State{CheckpointState: session.CheckpointState{
		ModelCheckpointPath: op.ModelPath, AllModelCheckpointPaths: op.AllPaths,
	}}
	for _, at := range op.Timestamps {
		s.AllModelCheckpointTimestamps = append(s.AllModelCheckpointTimestamps, stateTime(at))
	}
	if op.LastPreserved != 0 {
		s.LastPreservedTimestamp = stateTime(op.LastPreserved)
	}
	return s
}

// performOutside does what is not done by this library.
func (c *checkpoints) performOutside(ctx context.Context, op checkpointOp) (any, error) {
	switch op.Op {
	case "read":
		values, err := session.Eval(ctx, c.session, sortedKeys(*op.Variables)...)
		shown := map[string]any{}
		for name, v := range values.All() {
			shown[name] = asJSON(v)
		}
		return shown, err
	case "set":
		values := make(map[string]session.Value)
		for name, v := range op.Values {
			values[name] = toValue(v)
			if c.scenario.Variables[name].int64 != nil {
				values[name] = session.Int64(int64(v.(float64)))
			}
		}
		return nil, c.session.(session.Saveable).SetVariables(ctx, values)
	case "initialize":
		c.initialize()
		return nil, nil
	case "advance":
		time.Sleep(secs(op.Secs))
		return nil, nil
	case "write_file":
		return nil, os.WriteFile(inOurLayout(op.Path), []byte(op.Text), 0o666)
	case "read_file":
		text, err := os.ReadFile(op.Path)
		return string(text), err
	case "make_dir":
		return nil, os.MkdirAll(op.Path, 0o777)
	case "rename_dir":
		return nil, os.Rename(op.Path, op.To)
	case "delete_files":
		return nil, c.deleteFiles(op.Glob)
	}
	require.Fail(c.t, "operation "+op.Op)
	return nil, nil
}

// deleteFiles removes files. What TensorFlow has in a data file here is the end
// of the only one.
func (c *checkpoints) deleteFiles(glob string) error {
	if prefix, ok := strings.CutSuffix(glob, ".data*"); ok {
		c.withoutData[prefix] = true
		return os.Truncate(prefix+checkpoint.Extension, 100)
	}
	paths, err := filepath.Glob(glob)
	require.NoError(c.t, err)
	for _, path := range paths {
		require.NoError(c.t, os.Remove(path))
	}
	return nil
}

func (c *checkpoints) newSaver(op checkpointOp) error {
	config := checkpoint.SaverConfig{
		PadStepNumber: op.PadStepNumber, SaveRelativePaths: op.SaveRelativePaths, DeferBuild: op.DeferBuild, AllowEmpty: op.AllowEmpty,
	}
	if op.Variables != nil {
		config.Variables = *op.Variables
	}
	if op.MaxToKeep.given {
		config.MaxToKeep = checkpoint.Off
		if n := op.MaxToKeep.value; n != nil && *n > 0 {
			config.MaxToKeep = *n
		}
	}
	if op.KeepEvery.given {
		config.KeepCheckpointEveryNHours = max(secs(*op.KeepEvery.value*3600), 1) // 0 is the default here
	}
	saver, err := checkpoint.NewSaver(config)
	if err != nil {
		return err
	}
	c.savers[op.Saver], c.specs[op.Saver] = saver, op
	if c.mistakes != nil {
		c.savers[op.Saver] = newTensorflowSaver(saver, config, op.Sharded, c.mistakes.mended)
	}
	return nil
}

func (c *checkpoints) save(ctx context.Context, op checkpointOp) (any, error) {
	args := checkpoint.SaveArgs{LatestFilename: op.LatestFilename, WithoutState: op.WriteState != nil && !*op.WriteState}
	switch step := op.GlobalStep.(type) {
	case float64:
		args.GlobalStep = new(int64(step))
	case string:
		values, err := session.Eval(ctx, c.session, step)
		require.NoError(c.t, err)
		n, ok := values.At(0).Int64()
		require.True(c.t, ok, "step %s", step)
		args.GlobalStep = &n
	}
	open := c.session
	if op.Fault != "" {
		open = faultySession{c.session, &scriptedError{kind: op.Fault}}
	}
	return orNothing(c.savers[op.Saver].SaveAs(ctx, open, op.Path, args))
}

// setLastCheckpoints sets the list. Without times the checkpoints are newer than
// any limit.
func (c *checkpoints) setLastCheckpoints(op checkpointOp) error {
	if op.Paths.noList || op.Checkpoints.noList {
		return errNotAssignable
	}
	var list []checkpoint.SavedCheckpoint
	for _, path := range op.Paths.items {
		list = append(list, checkpoint.SavedCheckpoint{Path: path, Time: time.Now().AddDate(200, 0, 0)})
	}
	for _, item := range op.Checkpoints.items {
		at := c.start.Add(secs(item[1].(float64)))
		list = append(list, checkpoint.SavedCheckpoint{Path: item[0].(string), Time: at})
	}
	c.savers[op.Saver].SetLastCheckpointsWithTime(list)
	return nil
}

func (c *checkpoints) iterate(ctx context.Context, op checkpointOp) error {
	config := checkpoint.IteratorConfig{MinIntervalSecs: secs(op.MinInterval), Timeout: limit(op.Timeout)}
	if op.TimeoutFn != nil {
		asked := 0
		config.TimeoutFn = func() bool {
			answer := op.TimeoutFn[min(asked, len(op.TimeoutFn)-1)]
			asked++
			c.writeWaiting("timeout_fn", answer)
			return answer
		}
	}
	taken := 0
	for path, err := range checkpoint.CheckpointsIterator(ctx, op.Dir, config) {
		if err != nil {
			return err
		}
		c.writeWaiting("yield", path)
		if len(op.BodySecs) > 0 {
			time.Sleep(secs(op.BodySecs[min(taken, len(op.BodySecs)-1)]))
		}
		if taken++; taken == op.Take {
			break
		}
	}
	return nil
}
