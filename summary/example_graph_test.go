package summary_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// Slashes in the names of nodes make boxes in boxes. A run that was traced tells
// how long each node took.
func ExampleWriter_AddGraph() {
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("model/weight", func() session.Value { return session.Float64(3) })
	g.Node("loss/square", func(_ context.Context, in []session.Value) (session.Value, error) {
		x, _ := in[0].Float64()
		return session.Float64(x * x), nil
	}, "model/weight")
	g.Train(session.TrainOp)

	w := stdout()
	if err := w.AddGraph(g, 0); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: g}, func(s *session.MonitoredSession) error {
		var traced session.RunMetadata
		args := &session.SessionRunArgs{
			Fetches: []string{"loss/square", session.TrainOp},
			Options: &session.RunOptions{TraceLevel: session.FullTrace},
		}
		if _, err := s.RunArgs(ctx, args, &traced); err != nil {
			return err
		}
		return w.AddRunMetadata(&traced, "first run", 0)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// step=0 event=graph_def __run_graph__=graph
	// step=0 event=tagged_run_metadata "first run"=run_metadata
}

// A tensor is for a plugin of one's own, or for a program that reads it back with
// package eventlog.
func ExampleWriter_Tensor() {
	w := stdout()
	confusion := session.Tensor{Shape: []int{2, 2}, Data: []int64{90, 10, 3, 97}}
	if err := w.Tensor("confusion", summary.Plugin{Name: "confusion_matrix"}, confusion, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 confusion=tensor
}

// The projector reads files in the folder of the run, beside its event files.
func ExampleWriteEmbeddings() {
	run, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(run)

	err = summary.WriteEmbeddings(run, summary.Embedding{
		Name:     "words",
		Vectors:  [][]float32{{1, 0, 0.5}, {0, 1, 0.5}, {0.75, 0, 0.5}},
		Metadata: [][]string{{"cat"}, {"house"}, {"dog"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(run, "*"))
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	fmt.Println(err)
	// Output:
	// projector_config.pbtxt
	// words
	// <nil>
}

// The Profile page, which the Python package xprof adds to TensorBoard, draws runs that
// were traced. hooks.ProfilerHook writes such profiles by itself.
func ExampleFileWriter_Profile() {
	run, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(run)
	w, err := summary.NewFileWriter(run, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("weight", func() session.Value { return session.Float64(3) })
	g.Train(session.TrainOp)

	first := summary.Profile{Name: "first steps", Host: "laptop"}
	ctx := context.Background()
	err = session.With(ctx, session.Config{Engine: g}, func(s *session.MonitoredSession) error {
		args := &session.SessionRunArgs{
			Fetches: []string{session.TrainOp},
			Options: &session.RunOptions{TraceLevel: session.FullTrace},
		}
		for step := range int64(3) {
			var traced session.RunMetadata
			start := time.Now()
			if _, err := s.RunArgs(ctx, args, &traced); err != nil {
				return err
			}
			first.Steps = append(first.Steps, summary.ProfileStep{
				Step: step + 1, Start: start, Duration: time.Since(start), Metadata: &traced,
			})
		}
		return w.Profile(first)
	})
	if err != nil {
		log.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(run, "plugins", "profile", "*", "*"))
	for _, file := range files {
		fmt.Println(filepath.Base(filepath.Dir(file)), filepath.Base(file))
	}
	fmt.Println(err)
	// Output:
	// first steps laptop.xplane.pb
	// <nil>
}

// What comes after a START at step 100 is in place of what was there from that
// step on.
func ExampleWriter_AddSessionLog() {
	w := stdout()
	if err := w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, 100); err != nil {
		log.Fatal(err)
	}
	// Output: step=100 event=session_log status=START
}

func ExampleWriter_AddLogMessage() {
	w := stdout()
	if err := w.AddLogMessage(&eventpb.LogMessage{Level: eventpb.LogMessage_INFO, Message: "restored from model-100"}, 100); err != nil {
		log.Fatal(err)
	}
	// Output: step=100 event=log_message message="restored from model-100"
}

// Summaries and events that another program has made are written as they are.
func ExampleWriter_AddSummary() {
	w := stdout()
	loss := &eventpb.Summary_Value{Tag: "loss", Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.25}}
	if err := w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{loss}}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 loss=0.25
}

func ExampleWriter_AddEvent() {
	w := stdout()
	loss := &eventpb.Summary_Value{Tag: "loss", Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.25}}
	if err := w.AddEvent(&eventpb.Event{
		WallTime: 1577836800, Step: 1, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{loss}}},
	}); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 loss=0.25
}

// What a traced run has told; a session hands it out, see Writer.AddGraph.
func ExampleWriter_AddRunMetadata() {
	w := stdout()
	traced := session.RunMetadata{Nodes: []session.NodeStats{{Name: "loss/square", Start: time.Now(), Duration: time.Millisecond}}}
	if err := w.AddRunMetadata(&traced, "step 100", 100); err != nil {
		log.Fatal(err)
	}
	// Output: step=100 event=tagged_run_metadata "step 100"=run_metadata
}

// The same as a value of a summary, as TensorFlow 2 has it.
func ExampleWriter_RunMetadata() {
	w := stdout()
	traced := session.RunMetadata{Nodes: []session.NodeStats{{Name: "loss/square", Start: time.Now(), Duration: time.Millisecond}}}
	if err := w.RunMetadata("step 100", &traced, 100); err != nil {
		log.Fatal(err)
	}
	// Output: step=100 "step 100"=run_metadata
}

// kerasModel is what model.to_json() returns in Python.
const kerasModel = `{"class_name": "Sequential", "config": {"name": "classifier", "layers": [
	{"class_name": "Dense", "config": {"name": "hidden", "units": 64}},
	{"class_name": "Dense", "config": {"name": "output", "units": 10}}]}}`

// TensorBoard draws it as conceptual graph.
func ExampleWriter_KerasModel() {
	w := stdout()
	if err := w.KerasModel("model", kerasModel, 0); err != nil {
		log.Fatal(err)
	}
	// Output: step=0 model=graph
}

// The embedding comes with the event file of the run.
func ExampleFileWriter_Embedding() {
	run, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(run)
	w, err := summary.NewFileWriter(run, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Embedding(summary.Embedding{
		Name: "words", Vectors: [][]float32{{1, 0, 0.5}, {0, 1, 0.5}}, Metadata: [][]string{{"cat"}, {"house"}},
	}, 100); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(run, "projector_config.pbtxt"))
	fmt.Println(strings.Contains(string(config), `tensor_name: "words`), err)
	// Output: true <nil>
}
