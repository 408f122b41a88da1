package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
)

func (c *engineCase) values() {
	s := c.trained()
	names := c.known()
	garbage := session.String("left over")
	req := &session.Request{Fetches: names, Values: make([]session.Value, len(names), len(names)+2)}
	for range 3 {
		all := req.Values[:cap(req.Values)]
		for i := range all {
			all[i] = garbage
		}
		if err := s.Run(c.ctx, req); err != nil {
			c.Fatalf("a run of %q: %v", names, err)
		}
		for i, name := range names {
			want, ok := c.Fetches[name]
			switch {
			case name == c.engine.GlobalStep():
				want, ok = session.KindInt64, true
			case name == c.Train:
				want, ok = session.KindNone, true
			}
			if kind := req.Values[i].Kind(); ok && kind != want {
				c.Errorf("Values has %v of kind %v for %q, want %v", req.Values[i], kind, name, want)
			}
			if t, ok := req.Values[i].Tensor(); ok {
				if err := t.Validate(); err != nil {
					c.Errorf("%q: %v", name, err)
				}
			}
		}
		for _, v := range all[len(names):] {
			if v != garbage {
				c.Errorf("Run writes %v behind the end of Values", v)
			}
		}
	}
}

func (c *engineCase) order() {
	s := c.trained()
	want := make(map[string]session.Value)
	for _, name := range c.stable {
		want[name] = s.eval(name)[0]
	}
	compare := func(names []string) {
		for i, v := range s.eval(names...) {
			if !same(want[names[i]], v) {
				c.Errorf("%q is %v by itself, and %v in a run of %q", names[i], want[names[i]], v, names)
			}
		}
	}
	names := slices.Clone(c.stable)
	for range names {
		compare(slices.Clone(names))
		names = append(names[1:], names[0])
	}
	slices.Reverse(names)
	compare(names)
}

func (c *engineCase) oneStep() {
	s := c.trained()
	steps := func(names ...string) int64 {
		before := s.step()
		s.eval(names...)
		return s.step() - before
	}
	alone := steps(c.Train)
	names := c.known()
	for range names {
		if n := steps(names...); n != alone {
			c.Errorf("a run of %q makes %d steps, one of %q makes %d", names, n, c.Train, alone)
		}
		names = append(names[1:], names[0])
	}
}

func (c *engineCase) plans() {
	if len(c.stable) == 0 {
		c.Skip("there is nothing to fetch")
	}
	s := c.trained()
	want := make(map[string]session.Value)
	for _, name := range c.stable {
		want[name] = s.eval(name)[0]
	}
	var lists [][]string
	forth, back := slices.Clone(c.stable), slices.Clone(c.stable)
	slices.Reverse(back)
	for n := 1; n <= len(forth); n++ { // same beginning, other lengths; same lengths, other names
		lists = append(lists, forth[:n], back[:n], forth[len(forth)-n:])
	}
	for range 40 { // more than are kept
		lists = append(lists, slices.Clone(forth))
		forth = append(forth[1:len(forth):len(forth)], forth[0])
	}
	for range 3 {
		for _, names := range lists {
			for i, v := range s.run(names...).Values {
				if !same(want[names[i]], v) {
					c.Fatalf("%q is %v, and %v in a run of %q after runs of other slices", names[i], want[names[i]], v, names)
				}
			}
		}
	}
}

func (c *engineCase) request() {
	s := c.trained()
	names := c.known()
	slices.Reverse(names)
	req := session.Request{
		Fetches: slices.Clone(names), Values: make([]session.Value, len(names)),
		Feeds: session.Feeds{}, Options: &session.RunOptions{DebugTensorWatches: []string{c.Train}},
	}
	feeds := make(session.Feeds)
	for name, v := range c.Feeds {
		req.Feeds[name], feeds[name] = v.Clone(), v.Clone()
	}
	given, options := req, *req.Options
	for range 2 {
		if err := s.Run(c.ctx, &req); err != nil {
			c.Fatalf("a run of %q with feeds: %v", names, err)
		}
	}
	if !slices.Equal(req.Fetches, names) {
		c.Errorf("Run changes Fetches from %q to %q", names, req.Fetches)
	}
	if len(req.Values) != len(names) || &req.Values[0] != &given.Values[0] {
		c.Errorf("Run replaces the slice of Values")
	}
	if !maps.EqualFunc(req.Feeds, feeds, same) {
		c.Errorf("Run changes Feeds from %v to %v", feeds, req.Feeds)
	}
	if req.Options != given.Options || !reflect.DeepEqual(*req.Options, options) {
		c.Errorf("Run changes Options")
	}
}

func (c *engineCase) noTraining() {
	s := c.trained()
	before := s.state()
	for range 3 {
		s.eval(slices.DeleteFunc(c.known(), func(name string) bool { return name == c.Train })...)
	}
	s.unchanged(before, "a run without the training op")
}

func (c *engineCase) nothing() {
	s := c.trained()
	before := s.state()
	for _, req := range []session.Request{{}, {Fetches: []string{}, Values: []session.Value{}, Feeds: session.Feeds{}}} {
		if err := s.Run(c.ctx, &req); err != nil {
			c.Errorf("a run of nothing: %v", err)
		}
	}
	s.unchanged(before, "a run of nothing")
}

func (c *engineCase) unknownFetch() {
	s := c.trained()
	before := s.state()
	for _, names := range [][]string{{c.Unknown}, {c.Train, c.Unknown}, {c.Unknown, c.Train}} {
		if _, err := session.Eval(c.ctx, s.Session, names...); !errors.Is(err, session.ErrUnknownName) {
			c.Errorf("a run of %q returns %v", names, err)
		}
		s.unchanged(before, fmt.Sprintf("a run of %q", names))
	}
}

func (c *engineCase) unknownFeed() {
	s := c.trained()
	before := s.state()
	for _, names := range [][]string{{}, {c.Train}} {
		req := session.Request{
			Fetches: names, Values: make([]session.Value, len(names)), Feeds: session.Feeds{c.Unknown: session.Float64(1)},
		}
		if err := s.Run(c.ctx, &req); !errors.Is(err, session.ErrUnknownName) {
			c.Errorf("a run of %q that feeds %q returns %v", names, c.Unknown, err)
		}
		s.unchanged(before, fmt.Sprintf("a run of %q that feeds %q", names, c.Unknown))
	}
}

func (c *engineCase) feeds() {
	if len(c.Feeds) == 0 {
		c.Skip("EngineOptions.Feeds is empty")
	}
	s := c.trained()
	before := s.state()
	for _, name := range slices.Sorted(maps.Keys(c.Feeds)) {
		want := c.Feeds[name]
		req := session.Request{Fetches: []string{name}, Values: make([]session.Value, 1), Feeds: session.Feeds{name: want.Clone()}}
		for range 2 {
			if err := s.Run(c.ctx, &req); err != nil {
				c.Fatalf("a run that feeds %q: %v", name, err)
			}
			if !same(req.Values[0], want) {
				c.Errorf("%q is fed %v and gives %v", name, want, req.Values[0])
			}
		}
		req.Feeds = nil
		if err := s.Run(c.ctx, &req); err == nil && same(req.Values[0], want) {
			c.Errorf("%q gives the value fed in the run before", name)
		}
	}
	s.unchanged(before, "a run that feeds")
}

func (c *engineCase) contextDone() {
	s := c.trained()
	before := s.state()
	canceled, cancel := context.WithCancelCause(c.ctx)
	cancel(errors.New("a cause"))
	late, cancelLate := context.WithDeadline(c.ctx, time.Unix(0, 0))
	defer cancelLate()
	for _, ctx := range []context.Context{canceled, late} {
		if _, err := session.Eval(ctx, s.Session, c.Train); !errors.Is(err, ctx.Err()) {
			c.Errorf("a training run with a context that is done (%v) returns %v", ctx.Err(), err)
		}
		if _, err := session.Eval(ctx, s.Session, c.stable...); err != nil && !errors.Is(err, ctx.Err()) {
			c.Errorf("a run with a context that is done (%v) returns %v", ctx.Err(), err)
		}
		s.unchanged(before, "a run with a context that is done")
	}
}

func (c *engineCase) contextEnds() {
	if c.Block == nil {
		c.Skip("EngineOptions.Block is not set")
	}
	s := c.trained()
	c.Block(c.engine)
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Millisecond)
	defer cancel()
	c.Within("a run whose context has ended", func() {
		if _, err := session.Eval(ctx, s.Session, c.Train); !errors.Is(err, context.DeadlineExceeded) {
			c.Errorf("a run whose context ends meanwhile returns %v", err)
		}
	})
}

func (c *engineCase) endOfInput() {
	if c.EndInput == nil {
		c.Skip("EngineOptions.EndInput is not set")
	}
	s := c.trained()
	before := s.state()
	c.EndInput(c.engine)
	if _, err := session.Eval(c.ctx, s.Session, c.Train); err != io.EOF && !isOutOfRange(err) {
		c.Errorf("at the end of the input a training run returns %#v", err)
	}
	s.unchanged(before, "a training run at the end of the input")
}

// isOutOfRange reports whether err is nothing but the end of input.
func isOutOfRange(err error) bool {
	return errors.Is(err, session.ErrOutOfRange) && session.IsCleanStop(err)
}
