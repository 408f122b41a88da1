package tftrace

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runhook/runhook/session"
)

// A coordPlay is a scenario that is being played on this library.
type coordPlay struct {
	scenario *coordScenario
	coord    *session.Coordinator
	start    time.Time
	running  sync.WaitGroup // the threads of scripts, and loopers, for which a Join may not have waited

	mu      sync.Mutex
	events  []coordEvent
	over    bool // main has come to its end: what others do is not recorded
	threads map[string]*playedThread
}

// A playedThread is a goroutine that plays a script. The coordinator knows it
// from its start on if it is registered.
type playedThread struct {
	*coordThread
	registered, started, ended bool
	end                        func() // of the coordinator; nil if it does not know the thread
}

// play returns our trace, in order of occurrence.
func (s *coordScenario) play(t *testing.T) (events []coordEvent) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		config := session.CoordinatorConfig{}
		if s.Coordinator.CleanStop != nil {
			config.CleanStop = func(err error) bool {
				var scripted *scriptedError
				return errors.As(err, &scripted) && s.isClean(scripted.kind)
			}
		}
		p := &coordPlay{
			scenario: s,
			coord:    session.NewCoordinator(ctx, config),
			start:    time.Now(),
			threads:  make(map[string]*playedThread),
		}
		for name, thread := range s.Threads {
			p.threads[name] = &playedThread{coordThread: thread, registered: thread.registered()}
		}
		p.script("main", s.Ops)
		synctest.Wait() // what happens at this moment belongs to the trace
		p.mu.Lock()
		p.over = true
		p.mu.Unlock()
		cancel()
		p.running.Wait()
		events = p.events
	})
	return events
}

func (p *coordPlay) record(e coordEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		e.T = time.Since(p.start).Seconds()
		p.events = append(p.events, e)
	}
}

func (p *coordPlay) script(by string, steps []coordStep) {
	for _, step := range steps {
		value, err := p.step(by, step)
		switch {
		case err != nil:
			p.record(coordEvent{Ev: "raise", By: by, Op: step.Op, Error: coordErrorOf(err)})
		case !step.silent():
			p.record(coordEvent{Ev: "return", By: by, Op: step.Op, Value: value})
		}
	}
}

func (p *coordPlay) step(by string, step coordStep) (value *bool, err error) {
	switch step.Op {
	case "until":
		time.Sleep(time.Until(p.start.Add(seconds(step.T))))
	case "start":
		p.startThread(step.Thread)
	case "register_thread":
		p.registerThread(step.Thread)
	case "new_looper":
		p.startLooper(step.coordLooper)
	case "request_stop":
		return nil, p.coord.RequestStop(step.error())
	case "stop_on_exception":
		p.script(by, step.Body)
		if err := step.error(); err != nil {
			return nil, p.coord.RequestStop(err)
		}
	case "should_stop":
		value = new(bool)
		*value = p.coord.ShouldStop()
	case "wait_for_stop":
		ctx := context.Background()
		if step.Timeout != nil {
			limited, cancel := context.WithTimeout(ctx, seconds(*step.Timeout))
			defer cancel()
			ctx = limited
		}
		value = new(bool)
		*value = p.coord.WaitForStop(ctx)
	case "clear_stop":
		p.coord.ClearStop()
	case "joined":
		value = new(bool)
		*value = p.coord.Joined()
	case "raise_requested_exception":
		return nil, p.coord.Err()
	case "join":
		return nil, p.join(step)
	default:
		panic("operation " + step.Op)
	}
	return value, nil
}

func (p *coordPlay) startThread(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	thread := p.threads[name]
	thread.started = true
	if thread.registered {
		thread.end = p.coord.Register(name)
	}
	p.running.Go(func() {
		p.script(name, thread.Script)
		p.record(coordEvent{Ev: "thread_end", By: name})
		p.mu.Lock()
		defer p.mu.Unlock()
		thread.ended = true
		if thread.end != nil {
			thread.end()
		}
	})
}

// registerThread makes the coordinator know a thread, now or when it starts.
func (p *coordPlay) registerThread(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	thread := p.threads[name]
	thread.registered = true
	if thread.started && !thread.ended && thread.end == nil {
		thread.end = p.coord.Register(name)
	}
}

// join waits for the threads that are registered and for those given, which in
// Go have to be registered for that.
func (p *coordPlay) join(step coordStep) error {
	for _, name := range step.Threads {
		p.registerThread(name)
	}
	grace := 120 * time.Second
	if step.Grace != nil {
		grace = seconds(*step.Grace)
	}
	err := p.coord.Join(grace)
	if step.IgnoreAlive {
		err = p.coord.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, thread := range p.threads {
		thread.registered, thread.end = false, nil
	}
	return err
}

func (p *coordPlay) startLooper(l coordLooper) {
	p.running.Add(1)
	p.coord.Go(l.Looper, func(ctx context.Context) error {
		defer p.running.Done()
		defer p.record(coordEvent{Ev: "thread_end", By: l.Looper})
		p.record(coordEvent{Ev: "start_loop", By: l.Looper})
		if l.StartLoopError != "" {
			return &scriptedError{kind: l.StartLoopError}
		}
		call := 0
		err := session.Loop(ctx, seconds(l.Interval), func(context.Context) error {
			call++
			p.record(coordEvent{Ev: "call", By: l.Looper, Call: call})
			time.Sleep(seconds(l.Secs.at(call, 0)))
			for _, action := range l.Actions {
				if action.At != call {
					continue
				}
				if action.Op == "fail" {
					return action.error()
				}
				if _, err := p.step(l.Looper, action.coordStep); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.record(coordEvent{Ev: "stop_loop", By: l.Looper})
		if l.StopLoopError != "" {
			return &scriptedError{kind: l.StopLoopError}
		}
		return nil
	})
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

// coordErrorOf takes an error apart. That goroutines still run is told in
// TensorFlow's words.
func coordErrorOf(err error) (parts coordError) {
	switch e := err.(type) {
	case *scriptedError:
		return coordError{{e.kind, e.Error()}}
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			parts = append(parts, coordErrorOf(err)...)
		}
		return parts
	case interface{ Unwrap() error }:
		if !errors.Is(err, session.ErrStillRunning) {
			return coordErrorOf(e.Unwrap())
		}
		var names []string
		for _, match := range quoted.FindAllStringSubmatch(err.Error(), -1) {
			names = append(names, match[1])
		}
		return coordError{stillRunning(names)}
	}
	return coordError{{"?", err.Error()}}
}

// stillRunning is TensorFlow's error about threads that did not end.
func stillRunning(names []string) errorPart {
	slices.Sort(names)
	return errorPart{"runtime_error", "Coordinator stopped with threads still running: " + strings.Join(names, " ")}
}
