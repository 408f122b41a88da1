package rewrite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// A copying is one file being read, with the files that are made from it.
type copying struct {
	*rewriter
	*source
	here    map[string][]byte // metadata of tags, in the file so far
	version []byte            // payload of the file's version, nil if it has none
	name    string            // of the files
	piece   int
	files   map[string]*file // by run
	dropped int
}

// event writes what is left of an event.
func (c *copying) event(e *eventlog.Event) error {
	switch {
	case e.What == eventlog.FileVersion && c.files[c.into].size == 0:
		c.version = slices.Clone(e.Payload())
		return c.files[c.into].add(c.version)
	case e.What != eventlog.FileVersion && c.Event != nil && !c.Event(e):
		c.drop()
		return nil
	}
	if err := c.cut(e); err != nil {
		return err
	}
	switch e.What {
	case eventlog.Summary:
		return c.summary(e)
	case eventlog.GraphDef, eventlog.TaggedRunMetadata:
		return c.blob(e)
	case eventlog.SessionLog:
		return c.sessionLog(e)
	}
	return c.write(c.into, e.Payload(), true)
}

func (c *copying) drop() {
	c.dropped++
	c.counts.Dropped++
}

// cut begins new files if that is due.
func (c *copying) cut(e *eventlog.Event) error {
	f := c.files[c.into]
	if c.Cut == nil || f.events == 0 || !c.Cut(e, f.size) {
		return nil
	}
	if err := c.close(); err != nil {
		return err
	}
	c.piece++
	_, err := c.to(c.into)
	return err
}

// sessionLog writes a START to all runs that the values go to, also to those that
// begin later.
func (c *copying) sessionLog(e *eventlog.Event) error {
	m, err := e.Proto()
	if err != nil {
		return err
	}
	if m.GetSessionLog().GetStatus() != eventpb.SessionLog_START {
		return c.write(c.into, e.Payload(), true)
	}
	c.starts = append(c.starts, slices.Clone(e.Payload()))
	for run := range c.files {
		if err := c.start(run); err != nil {
			return err
		}
	}
	return nil
}

// start writes the STARTs that a run has not got yet.
func (c *copying) start(run string) error {
	for _, payload := range c.starts[c.given[run]:] {
		if err := c.write(run, payload, true); err != nil {
			return err
		}
	}
	c.given[run] = len(c.starts)
	return nil
}

// to returns the file of a run, which it begins if need be.
func (c *copying) to(run string) (*file, error) {
	if f := c.files[run]; f != nil {
		return f, nil
	}
	name := c.name
	if c.Cut != nil {
		name = fmt.Sprintf("%s.%05d", c.name, c.piece)
	}
	f, err := create(filepath.Join(c.out, filepath.FromSlash(run), name))
	if err != nil {
		return nil, err
	}
	c.files[run] = f
	c.counts.Files++
	if c.version != nil {
		if err := f.add(c.version); err != nil {
			return nil, err
		}
	}
	return f, c.start(run)
}

// write adds an event to the file of a run.
func (c *copying) write(run string, payload []byte, identical bool) error {
	f, err := c.to(run)
	if err != nil {
		return err
	}
	f.events++
	c.counts.Events++
	if identical {
		c.counts.Identical++
	}
	return f.add(payload)
}

// rename asks what becomes of a value.
func (c *copying) rename(e *eventlog.Event, tag string) (Name, bool) {
	if c.Value == nil {
		return Name{c.into, tag}, true
	}
	return c.Value(e, Name{c.run, tag})
}

// blob writes a graph or a run's metadata.
func (c *copying) blob(e *eventlog.Event) error {
	tag := ""
	for v, err := range e.Values() {
		if err != nil {
			return err
		}
		tag = v.Tag
	}
	to, ok := c.rename(e, tag)
	switch {
	case !ok:
		c.drop()
		return nil
	case to.Tag == tag:
		return c.write(to.Run, e.Payload(), true)
	case e.What == eventlog.GraphDef:
		return fmt.Errorf("the graph of a run cannot be named %q", to.Tag)
	}
	body, err := retagged(e.Body(), to.Tag)
	if err != nil {
		return err
	}
	payload, err := appendEvent(nil, e.Payload(), eventTaggedRunMetadata, body)
	if err != nil {
		return err
	}
	return c.write(to.Run, payload, false)
}

// summary writes the values that stay, to as many runs as they go to.
func (c *copying) summary(e *eventlog.Event) error {
	for _, err := range e.Values() { // What readers refuse is no value to copy.
		if err != nil {
			return err
		}
	}
	values, err := summary(e.Body())
	if err != nil {
		return err
	}
	var parts []part
	same := true
	for i := range values {
		v := &values[i]
		if v.number == 0 {
			continue
		}
		to, ok := c.rename(e, v.tag)
		if v.metadata != nil && c.here[v.tag] == nil {
			c.here[v.tag] = slices.Clone(v.metadata)
			if c.source.told[v.tag] == nil {
				c.source.told[v.tag] = c.here[v.tag]
			}
		}
		if !ok {
			c.drop()
			same = false
			continue
		}
		k := slices.IndexFunc(parts, func(p part) bool { return p.run == to.Run })
		if k < 0 {
			k = len(parts)
			parts = append(parts, part{run: to.Run})
		}
		f, err := c.to(to.Run)
		if err != nil {
			return err
		}
		metadata := c.describe(f, to, v)
		same = same && metadata == nil && to.Tag == v.tag
		parts[k].body = appendValue(parts[k].body, v, to.Tag, metadata)
	}
	if same && len(parts) <= 1 {
		run := c.into
		if len(parts) == 1 {
			run = parts[0].run
		}
		return c.write(run, e.Payload(), true)
	}
	for k, p := range parts {
		if k == 0 {
			for _, v := range values {
				if v.number == 0 { // What is not known here goes with the event.
					p.body = append(p.body, v.raw...)
				}
			}
		}
		payload, err := appendEvent(nil, e.Payload(), eventSummary, p.body)
		if err != nil {
			return err
		}
		if err := c.write(p.run, payload, false); err != nil {
			return err
		}
	}
	return nil
}

// A part is the values of an event that go to one run.
type part struct {
	run  string
	body []byte // Summary
}

// describe returns the metadata that a value needs in its new file, nil if none:
// what was told of its tag before it in the old file is told in the new one, and
// what was told in the run in the new run.
func (c *copying) describe(f *file, to Name, v *value) (metadata []byte) {
	switch here, before := c.here[v.tag], c.source.told[v.tag]; {
	case v.metadata != nil:
	case here != nil && !f.told[to.Tag]:
		metadata = here
	case before != nil && !c.rewriter.told[to]:
		metadata = before
	default:
		return nil
	}
	f.told[to.Tag], c.rewriter.told[to] = true, true
	return metadata
}

// close ends the files. One in which nothing is left is removed.
func (c *copying) close() error {
	var errs []error
	for run, f := range c.files {
		errs = append(errs, f.close())
		if f.events == 0 && c.dropped > 0 {
			errs = append(errs, os.Remove(f.path))
			c.counts.Files--
		} else {
			c.counts.Bytes += f.size
		}
		delete(c.files, run)
	}
	return errors.Join(errs...)
}
