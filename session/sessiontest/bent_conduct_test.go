package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
)

// bentConduct breaks rules about endings, and about what outlives a run.
var bentConduct = []engineBend{
	{"the context is not looked at", []string{"context", "context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			for i := range s.e.Faults {
				s.e.Faults[i].Delay = min(s.e.Faults[i].Delay, time.Millisecond)
			}
			return s.Session.Run(context.WithoutCancel(ctx), req)
		}
	}},
	{"a run does not give up", []string{"context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if len(s.e.Faults) > 0 && errors.Is(err, context.DeadlineExceeded) {
				time.Sleep(time.Hour)
			}
			return err
		}
	}},
	{"a run that gives up says so in its own words", []string{"context", "context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if ctx.Err() != nil && err != nil {
				return errBent
			}
			return err
		}
	}},
	{"the end of input is wrapped", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.Session.Run(ctx, req); err != nil {
				return fmt.Errorf("run: %w", err)
			}
			return nil
		}
	}},
	{"at the end of input the last batch is trained again", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if err == io.EOF {
				s.e.Faults = nil
				s.train(ctx)
			}
			return err
		}
	}},
	{"after the end of input there is nothing more", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(s.e.Faults) > 0 && s.e.Faults[0].Err == io.EOF {
				return io.EOF
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a buffer is used for all runs", []string{"values-stay"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			for i := range s.buffer {
				s.buffer[i] = -7 // scratch space
			}
			if i := slices.Index(req.Fetches, "w"); i >= 0 && err == nil {
				w, _ := req.Values[i].Tensor()
				s.buffer = append(s.buffer[:0], w.Data.([]float32)...)
				req.Values[i] = session.TensorOf(s.buffer)
			}
			return err
		}
	}},
	{"Values of an earlier run are written again", []string{"values-stay"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if old, ok := s.plans["values"].([]session.Value); ok && len(old) > 1 {
				old[1] = session.Bool(false)
			}
			err := s.Session.Run(ctx, req)
			s.plans["values"] = req.Values
			return err
		}
	}},
	{"every run is traced", []string{"metadata"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Metadata != nil {
				req.Metadata.Nodes = make([]session.NodeStats, 1)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"Metadata is taken for granted", []string{"metadata"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Options != nil && req.Options.TraceLevel == session.FullTrace {
				req.Metadata.Nodes = make([]session.NodeStats, 1)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"SetVariables does nothing", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			if _, unknown := values["no such name"]; unknown {
				return errBent
			}
			return nil
		}
	}},
	{"SetVariables passes over unknown names", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			delete(values, "no such name")
			return s.Session.(session.Saveable).SetVariables(ctx, values)
		}
	}},
	{"SetVariables sets what it can before it fails", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			known := session.Feeds{session.GlobalStepName: values[session.GlobalStepName]}
			err := s.Session.(session.Saveable).SetVariables(ctx, known)
			if len(values) > 1 {
				return errBent
			}
			return err
		}
	}},
	{"Variables gives a name twice", []string{"saveable"}, func(e *bentEngine) {
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable { return append(all, all...) }
	}},
	{"Variables says that nothing is initialised", []string{"saveable"}, func(e *bentEngine) {
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			for i := range all {
				all[i].Initialized = false
			}
			return all
		}
	}},
	{"Variables changes its order", []string{"saveable"}, func(e *bentEngine) {
		calls := 0
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			calls++
			all = append(all, session.Variable{Name: "zero", Value: session.Int64(0), Initialized: true})
			if calls%2 == 0 {
				slices.Reverse(all)
			}
			return all
		}
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			delete(values, "zero")
			return s.Session.(session.Saveable).SetVariables(ctx, values)
		}
	}},
	{"a goroutine of the session is left", []string{"close"}, func(e *bentEngine) {
		e.close = func(s *bentSession) error {
			go time.Sleep(time.Hour)
			return s.Session.Close()
		}
	}},
	{"Close fails", []string{"close", "finalize", "saveable", "sessions"}, func(e *bentEngine) {
		e.close = func(*bentSession) error { return errBent }
	}},
}
