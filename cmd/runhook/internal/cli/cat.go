package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) catCommand() *cobra.Command {
	var s selection
	var o catOptions
	cmd := &cobra.Command{
		Use:   "cat [PATH]",
		Short: "Print events as JSON, one a line",
		Long: `cat prints every event below PATH, run after run, in the order of the files, one
JSON object a line: where it is, its wall time and step, and its values decoded.
NaN and infinities are the strings "NaN", "Infinity" and "-Infinity". The bytes
of pictures, sounds and graphs are left out unless --blobs is given.

With --tag or --kind only events with such a value are printed.`,
		Example: `  runhook cat runs --run train --tag loss --steps 100:200
  runhook cat runs | jq -r 'select(.what == "session_log") | "\(.run) \(.step) \(.status)"'
  runhook cat runs --follow --tag loss | jq .values[0].value`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cat(cmd.Context(), pathArg(args), &s, o)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	s.events(cmd)
	s.purgeFlag(cmd, false)
	f := cmd.Flags()
	f.BoolVar(&o.blobs, "blobs", false, "with the bytes of pictures, sounds and graphs, in base64")
	f.BoolVar(&o.proto, "proto", false, "print the events as they are, as protobuf's JSON has them")
	f.BoolVar(&o.salvage, "salvage", false, "read on behind damage")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what is written from now on, until Ctrl-C")
	cmd.MarkFlagsMutuallyExclusive("follow", "purge")
	cmd.MarkFlagsMutuallyExclusive("follow", "salvage")
	return cmd
}

type catOptions struct {
	blobs, proto, salvage, follow bool
}

type eventJSON struct {
	Run      string          `json:"run"`
	File     string          `json:"file"`
	Offset   int64           `json:"offset"`
	WallTime number          `json:"wall_time"`
	Step     int64           `json:"step"`
	What     string          `json:"what"`
	Values   []valueJSON     `json:"values,omitempty"`
	Version  string          `json:"version,omitempty"`         // file_version
	Writer   string          `json:"writer,omitempty"`          // file_version
	Status   string          `json:"status,omitempty"`          // session_log
	Path     string          `json:"checkpoint_path,omitempty"` // session_log
	Text     string          `json:"text,omitempty"`            // session_log, log_message
	Bytes    int             `json:"bytes,omitempty"`           // meta_graph_def
	Event    json.RawMessage `json:"event,omitempty"`           // with --proto
	Error    string          `json:"error,omitempty"`
}

func (a *app) cat(ctx context.Context, path string, s *selection, o catOptions) error {
	c, err := s.resolve(time.Now())
	if err != nil {
		return err
	}
	if o.follow {
		return a.catEvents(ctx, eventlog.Follow(ctx, path, eventlog.FollowConfig{Filter: c.config.Filter}), c, o)
	}
	l, err := a.open(path, s)
	if err != nil {
		return err
	}
	l.config.Salvage = o.salvage
	return a.measured(l, "reading", true, func() error {
		return a.catEvents(ctx, eventlog.Events(ctx, path, l.config), l.chosen, o)
	})
}

// catEvents prints what comes.
func (a *app) catEvents(ctx context.Context, events iter.Seq2[*eventlog.Event, error], c *chosen, o catOptions) error {
	out := bufio.NewWriterSize(a.Out, 1<<16)
	status := told(statusDone)
	for e, err := range events {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			status = max(status, a.tell(err))
			continue
		}
		line, wanted, err := catEvent(e, c, o)
		status = max(status, a.tell(err))
		if !wanted {
			continue
		}
		if err := writeLine(out, line); err != nil {
			return err
		}
		if o.follow {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if ctx.Err() != nil && !o.follow {
		return context.Cause(ctx)
	}
	return status.ended()
}

// catEvent makes the line of an event. An event of which tags or kinds were
// chosen is wanted only if it has one. The error is what could not be decoded,
// which the line tells, too.
func catEvent(e *eventlog.Event, c *chosen, o catOptions) (line eventJSON, wanted bool, err error) {
	line = eventJSON{Run: e.Run, File: e.File, Offset: e.Offset, WallTime: number(e.WallTime), Step: e.Step, What: e.What.String()}
	wanted = c.tag == nil && c.kind == nil
	for v, verr := range e.Values() {
		if verr != nil {
			line.Error = verr.Error()
			return line, true, verr
		}
		if c.kind != nil && !c.kind(v.Kind) {
			continue
		}
		wanted = true
		if o.proto {
			break
		}
		j, verr := describe(&v, o.blobs)
		if verr != nil && err == nil {
			err = &eventlog.RecordError{File: e.File, Offset: e.Offset, Err: verr}
		}
		line.Values = append(line.Values, j)
	}
	if !wanted {
		return line, false, nil
	}
	if o.proto {
		m, err := e.Proto()
		if err == nil {
			line.Event, err = protojson.Marshal(m)
		}
		return line, true, err
	}
	if merr := line.message(e); merr != nil && err == nil {
		line.Error, err = merr.Error(), merr
	}
	return line, true, err
}

// message puts in what an event without values tells.
func (j *eventJSON) message(e *eventlog.Event) error {
	switch e.What {
	case eventlog.MetaGraphDef:
		j.Bytes = len(e.Body())
	case eventlog.FileVersion, eventlog.SessionLog, eventlog.LogMessage:
		m, err := e.Proto()
		if err != nil {
			return err
		}
		j.Version, j.Writer = m.GetFileVersion(), m.GetSourceMetadata().GetWriter()
		if log := m.GetSessionLog(); log != nil {
			j.Status, j.Path, j.Text = log.GetStatus().String(), log.GetCheckpointPath(), log.GetMsg()
		}
		if log := m.GetLogMessage(); log != nil {
			j.Text = log.GetMessage()
		}
	}
	return nil
}
