package tftrace

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary/eventpb"
)

// An earlyStopping is a scenario of its family: a chief or a worker trains, and
// other processes write evaluations and checkpoints and set the stop flag.
type earlyStopping struct {
	Format              int
	Name, Family, About string
	Graph               earlyGraph
	Engine              engineSpec
	EvalEvents          []evalEvent `json:"eval_events"`
	Checkpoints         []struct {
		T    float64
		Step int64
	}
	Signals   []float64
	Estimator estimatorSpec
	Hooks     []hookSpec
	Reads     []struct {
		Op, Dir string
		Secs    float64
	}
	Phases []earlyPhase
}

type earlyGraph struct {
	Initial         int64
	Increment       perRun[int64]
	GlobalStep      *bool         `json:"global_step"`
	EvalIncrement   perRun[int64] `json:"eval_increment"`
	SaveableObjects bool          `json:"saveable_objects"`
}

type estimatorSpec struct {
	IsChief           *bool  `json:"is_chief"`
	NumPSReplicas     int    `json:"num_ps_replicas"`
	NumWorkerReplicas int    `json:"num_worker_replicas"`
	TrainDistribute   bool   `json:"train_distribute"`
	EvalScaffold      string `json:"eval_scaffold"`
}

func (e estimatorSpec) isWorker() bool { return e.IsChief != nil && !*e.IsChief }

type earlyPhase struct {
	Hooks     []hookSpec
	Program   []operation
	Restore   bool
	Graph     *earlyGraph
	Estimator *estimatorSpec
}

// phases are those of the scenario with what they do not say themselves.
func (s *earlyStopping) phases() []earlyPhase {
	phases := slices.Clone(s.Phases)
	if len(phases) == 0 {
		phases = make([]earlyPhase, 1)
	}
	for i := range phases {
		p := &phases[i]
		if p.Hooks == nil {
			p.Hooks = s.Hooks
		}
		if p.Program == nil {
			p.Program = []operation{{Op: "run_until_stop", Max: 30}}
		}
		p.Graph = cmp.Or(p.Graph, &s.Graph)
		p.Estimator = cmp.Or(p.Estimator, &s.Estimator)
	}
	return phases
}

// trained is the variable w, to which train adds 0.5, and evaluations the counter
// of evaluation steps.
const (
	trained     = "w"
	evaluations = "eval_step"
)

// spec is the graph as machines take it.
func (g *earlyGraph) spec() graphSpec {
	perRun := g.EvalIncrement
	if len(perRun) == 0 {
		perRun = append(perRun, 1)
	}
	spec := graphSpec{Tensors: map[string]tensorSpec{
		trained:     {Type: "trained", Scale: 0.5},
		evaluations: {Type: "evaluations", Scale: float64(perRun[0])},
	}}
	if g.GlobalStep == nil || *g.GlobalStep {
		spec.GlobalStep = &globalStepSpec{Initial: g.Initial, Increment: g.Increment}
	}
	return spec
}

// An evalEvent is what an event file of evaluations holds from a time on.
type evalEvent struct {
	T          float64
	Dir, File  string
	Step       int64
	Metrics    map[string]any
	Histograms []string
	Tensors    map[string]any
	SessionLog bool `json:"session_log"`
	Corrupt    bool
	Truncated  bool
	Completed  bool
}

// A world is what other processes do in a scenario.
type world struct {
	*recorder
	scenario  *earlyStopping
	estimator estimatorSpec // of the phase
	// saveableObjects says that the graph of the phase has things to save besides
	// variables.
	saveableObjects bool
	dir             string
	written         int // eval events that are in the files
	known           int // checkpoints of others that the machine knows
	saved           int // checkpoints of others that are on disk
	flag            bool
	tails           map[string][]byte // by file: the end of a record that was begun
	inMemory        []evalEvent       // what evaluators in memory have written, if they write no files
}

func newWorld(s *earlyStopping, r *recorder, dir string) *world {
	w := &world{recorder: r, scenario: s, dir: dir, tails: make(map[string][]byte)}
	for i := range s.EvalEvents {
		e := &s.EvalEvents[i]
		e.Dir, e.File = cmp.Or(e.Dir, "model/eval"), cmp.Or(e.File, "1")
	}
	return w
}

// folder is a folder of the scenario.
func (w *world) folder(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// signalled reports whether somebody has set the stop flag by now.
func (w *world) signalled() bool {
	return slices.ContainsFunc(w.scenario.Signals, func(at float64) bool { return at <= w.now() })
}

// savedByOthers returns the steps of the checkpoints that others have saved since
// it was last called.
func (w *world) savedByOthers() (steps []int64) {
	for ; w.known < len(w.scenario.Checkpoints) && w.scenario.Checkpoints[w.known].T <= w.now(); w.known++ {
		steps = append(steps, w.scenario.Checkpoints[w.known].Step)
	}
	return steps
}

// catchUp writes the evaluations and checkpoints that there are by now.
func (w *world) catchUp() error {
	for ; w.saved < len(w.scenario.Checkpoints) && w.scenario.Checkpoints[w.saved].T <= w.now(); w.saved++ {
		if err := w.save(w.scenario.Checkpoints[w.saved].Step); err != nil {
			return err
		}
	}
	for ; w.written < len(w.scenario.EvalEvents); w.written++ {
		e := w.scenario.EvalEvents[w.written]
		if e.T > w.now() {
			return nil
		}
		path := filepath.Join(w.folder(e.Dir), "events.out.tfevents."+e.File)
		if err := w.appendTo(path, e); err != nil {
			return err
		}
	}
	return nil
}

// save saves a checkpoint, of which nobody reads more than the step.
func (w *world) save(step int64) error {
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	if err != nil {
		return err
	}
	g := graph.New()
	g.CreateGlobalStep()
	s, err := g.NewSession(context.Background())
	if err != nil {
		return err
	}
	defer s.Close()
	state := map[string]session.Value{session.GlobalStepName: session.Int64(step)}
	if err := s.(session.Saveable).SetVariables(context.Background(), state); err != nil {
		return err
	}
	_, err = saver.Save(context.Background(), s, filepath.Join(w.folder("model"), "model.ckpt"), step)
	return err
}

func (w *world) appendTo(path string, e evalEvent) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if e.Completed {
		_, err := f.Write(w.tails[path])
		return err
	}
	var bytes []byte
	for _, message := range e.messages() {
		payload, err := proto.Marshal(message)
		if err != nil {
			return err
		}
		bytes = tfrecord.Append(bytes, payload)
	}
	switch {
	case e.Corrupt:
		bytes = []byte("this is no record at all, it is text")
	case e.Truncated:
		const missing = 6
		w.tails[path] = bytes[len(bytes)-missing:]
		bytes = bytes[:len(bytes)-missing]
	}
	_, err = f.Write(bytes)
	return err
}

func (e evalEvent) messages() []*eventpb.Event {
	summary := new(eventpb.Summary)
	for _, tag := range sortedKeys(e.Metrics) {
		summary.Value = append(summary.Value, &eventpb.Summary_Value{
			Tag: tag, Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: toFloat(e.Metrics[tag])},
		})
	}
	for _, tag := range e.Histograms {
		summary.Value = append(summary.Value, &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_Histo{Histo: new(eventpb.HistogramProto)}})
	}
	for _, tag := range sortedKeys(e.Tensors) {
		tensor := &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, StringVal: [][]byte{[]byte("x")}}
		if number, ok := e.Tensors[tag].(float64); ok {
			tensor = &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{float32(number)}}
		}
		summary.Value = append(summary.Value, &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_Tensor{Tensor: tensor}})
	}
	messages := []*eventpb.Event{{Step: e.Step, What: &eventpb.Event_Summary{Summary: summary}}}
	if e.SessionLog {
		messages = append(messages, &eventpb.Event{
			Step: e.Step, What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START}},
		})
	}
	return messages
}

// metrics are what can be read of evaluations by now, without reading: step →
// tag → value.
func (w *world) metrics(dir string) map[int64]map[string]float64 {
	type file struct {
		events  []evalEvent
		damaged bool
		begun   *evalEvent // a record without its end
	}
	files := make(map[string]*file)
	for _, e := range slices.Concat(w.scenario.EvalEvents, w.inMemory) {
		if e.T > w.now() || e.Dir != dir {
			continue
		}
		f := files[e.File]
		if f == nil {
			f = new(file)
			files[e.File] = f
		}
		switch {
		case f.damaged:
		case e.Corrupt:
			f.damaged = true
		case e.Truncated:
			f.begun = &e
		case e.Completed:
			f.events, f.begun = append(f.events, *f.begun), nil
		default:
			f.events = append(f.events, e)
		}
	}
	read := make(map[int64]map[string]float64)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, e := range files[name].events {
			for tag, value := range e.Metrics {
				if read[e.Step] == nil {
					read[e.Step] = make(map[string]float64)
				}
				read[e.Step][tag] = float64(toFloat(value))
			}
		}
	}
	return read
}
