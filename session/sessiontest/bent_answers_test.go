package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// bentAnswers break rules about what is known, asked and answered.
var bentAnswers = []engineBend{
	{"a known name is refused after Finalize", []string{"close", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.finalized > 0 && e.Engine.Resolve(name) == nil {
				return errBent
			}
			return e.Engine.Resolve(name)
		}
	}},
	{"every name is accepted", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(*bentEngine, string) error { return nil }
	}},
	{"the error for an unknown name has no type", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.Engine.Resolve(name) != nil {
				return session.ErrUnknownName
			}
			return nil
		}
	}},
	{"the error for an unknown name names another", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.Engine.Resolve(name) != nil {
				return session.UnknownName("it", nil)
			}
			return nil
		}
	}},
	{"Finalize works once", []string{"close", "finalize", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.finalize = func(e *bentEngine) error {
			if e.finalized > 1 {
				return errBent
			}
			return nil
		}
	}},
	{"there is one session only", []string{"close", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.create = func(e *bentEngine) error {
			if e.sessions > 1 {
				return errBent
			}
			return nil
		}
	}},
	{"a session ends with the context that it was opened with", []string{"opening"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.opening.Err(); err != nil {
				return err
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"variables get no values once the opening is over", []string{"opening"}, func(e *bentEngine) {
		e.init = func(ctx context.Context, s *bentSession) error {
			if err := s.opening.Err(); err != nil {
				return err
			}
			return s.Session.(session.Initializer).Init(ctx)
		}
	}},
	{"Init leaves what was trained", []string{"init"}, func(e *bentEngine) {
		e.init = func(ctx context.Context, s *bentSession) error {
			if s.runs > 0 {
				return nil
			}
			return s.Session.(session.Initializer).Init(ctx)
		}
	}},
	{"after Init variables have no value", []string{"init", "saveable"}, func(e *bentEngine) {
		e.init = func(context.Context, *bentSession) error { return nil }
	}},
	{"that a variable has no value is an error like any other", []string{"uninitialized"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(s.Uninitialized()) > 0 && slices.Contains(req.Fetches, "w") {
				return errBent
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"the global step is a float", []string{
		"global-step", "init", "one-step", "stale-step", "values",
	}, func(e *bentEngine) {
		e.Outputs[session.GlobalStepName] = nil
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			for i, name := range req.Fetches {
				if step, ok := req.Values[i].Int64(); ok && name == session.GlobalStepName {
					req.Values[i] = session.Float64(float64(step))
				}
			}
			return err
		}
	}},
	{"the global step stands still", []string{"global-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.GlobalStepName); i >= 0 && err == nil {
				req.Values[i] = session.Int64(7)
			}
			return err
		}
	}},
	{"the global step fetched with a training op is the one after it", []string{"stale-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.GlobalStepName); i >= 0 && err == nil && slices.Contains(req.Fetches, session.TrainOp) {
				step, _ := req.Values[i].Int64()
				req.Values[i] = session.Int64(step + 1)
			}
			return err
		}
	}},
	{"Values keeps what was in it for the training op", []string{"values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			before := slices.Clone(req.Values)
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.TrainOp); i >= 0 && err == nil {
				req.Values[i] = before[i]
			}
			return err
		}
	}},
	{"a value is appended to Values", []string{"values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			_ = append(req.Values, session.Bool(true))
			return s.Session.Run(ctx, req)
		}
	}},
	{"a tensor has a wrong shape", []string{"values"}, func(e *bentEngine) {
		e.Outputs["w"] = sessiontest.Always(session.TensorOf([]float32{1}, 2))
	}},
	{"values come in the order of the alphabet", []string{"order", "plans", "stale-step", "values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			sorted := *req
			sorted.Fetches = slices.Sorted(slices.Values(req.Fetches))
			return s.Session.Run(ctx, &sorted)
		}
	}},
	{"a value depends on what was fetched before it", []string{"order", "plans"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, "name"); i > 0 && err == nil && !slices.Contains(req.Fetches, session.TrainOp) {
				req.Values[i] = session.String(req.Fetches[i-1])
			}
			return err
		}
	}},
	{"every fetch beside the training op makes a step", []string{"one-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if slices.Contains(req.Fetches, session.TrainOp) && slices.Contains(req.Fetches, "loss") && err == nil {
				s.train(ctx)
			}
			return err
		}
	}},
	{"a plan is kept by the first element only", []string{"plans"}, planned(func(names []string) any { return &names[0] })},
	{"a plan is kept by the first name and the length", []string{"order", "plans"}, planned(func(names []string) any {
		return fmt.Sprint(names[0], len(names))
	})},
	{"Fetches are sorted in place", []string{"order", "request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) > 2 {
				slices.Sort(req.Fetches)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"Values is replaced", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			req.Values = slices.Clone(req.Values)
			return err
		}
	}},
	{"Feeds are used up", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if len(req.Fetches) > 1 {
				clear(req.Feeds)
			}
			return err
		}
	}},
	{"Options are changed", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Options != nil {
				req.Options.TraceLevel = session.SoftwareTrace
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"asking for the loss trains", []string{
		"context", "feeds", "finalize", "no-training", "nothing", "one-step", "order", "plans", "unknown-feed", "unknown-fetch",
	}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if slices.Contains(req.Fetches, "loss") {
				s.train(ctx)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a run of nothing is an error", []string{"nothing"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) == 0 && len(req.Feeds) == 0 {
				return errBent
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a run of nothing trains", []string{"nothing"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) == 0 && len(req.Feeds) == 0 {
				s.train(ctx)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"an unknown fetch has no value", []string{"unknown-fetch"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.Session.Run(ctx, req); !errors.Is(err, session.ErrUnknownName) || len(req.Feeds) > 0 {
				return err
			}
			return nil
		}
	}},
	{"an unknown fetch is found after training", []string{"unknown-fetch"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if errors.Is(err, session.ErrUnknownName) && len(req.Feeds) == 0 && slices.Contains(req.Fetches, session.TrainOp) {
				s.train(ctx)
			}
			return err
		}
	}},
	{"an unknown feed is ignored", []string{"unknown-feed"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if _, unknown := req.Feeds["no such name"]; unknown {
				return nil
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"feeds are ignored", []string{"feeds"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			deaf := *req
			if _, fed := req.Feeds["loss"]; fed {
				deaf.Feeds = nil
			}
			return s.Session.Run(ctx, &deaf)
		}
	}},
	{"a feed lasts", []string{"feeds", "unknown-feed"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Feeds) > 0 {
				s.fed = req.Feeds
			} else {
				req.Feeds = s.fed
			}
			return s.Session.Run(ctx, req)
		}
	}},
}
