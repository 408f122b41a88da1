package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

const editLong = `edit makes a new log directory from PATH, with all runs. Events that it need not
change keep their bytes, and their order. The metadata that tell what the values
of a tag are go to the first value that stays, so that TensorBoard shows the rest
as before. PATH itself is not changed, and OUT must be new or empty; it gets its
name when it is complete.

Only event files are written: checkpoints, projector files and whatever else lies
beside them are not copied. A damaged file is an error, see repair; a torn tail
is not copied.`

func (a *app) editCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit",
		Short: "Rename, delete, downsample, split, merge and purge, into a new directory",
		Long:  editLong,
		Example: `  runhook edit rename runs -o out --tag loss=train/loss
  runhook edit delete runs -o out --tag 'debug/*' --kind image
  runhook edit downsample runs -o out --keep 1000
  runhook edit split runs -o out --size 64MB
  runhook edit merge runs -o out --into all --prefix
  runhook edit purge runs -o out --from 5000`,
	}
	cmd.AddCommand(a.renameCommand(), a.deleteCommand(), a.downsampleCommand(), a.splitCommand(), a.mergeCommand(), a.purgeCommand())
	return cmd
}

// outFlag registers -o, which edits need.
func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVarP(out, "output", "o", "", "the new log directory")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // It was just registered.
	}
}

// matched are the matchers of a selection, which admit everything by default.
func (c *chosen) matched() (run, tag func(string) bool) {
	all := func(string) bool { return true }
	run, tag = all, all
	if c.run != nil {
		run = c.run
	}
	if c.tag != nil {
		tag = c.tag
	}
	return run, tag
}

// An editing is one edit: all runs of a log directory, what of them is edited, and
// the new directory.
type editing struct {
	*log
	edited *chosen
	dir    *newDirectory
	out    string
}

// beginEdit opens the log directory and begins the new one, which the caller
// discards.
func (a *app) beginEdit(path, out string, s *selection) (*editing, error) {
	edited, err := s.resolve(time.Now())
	if err != nil {
		return nil, err
	}
	l, err := a.open(path, &selection{})
	if err != nil {
		return nil, err
	}
	if l.unlisted != nil {
		return nil, l.unlisted
	}
	dir, err := newDir(out)
	if err != nil {
		return nil, err
	}
	return &editing{log: l, edited: edited, dir: dir, out: out}, nil
}

// finishEdit does the edit, keeps what it has made and tells of it.
func (a *app) finishEdit(ed *editing, do func(progress func(int)) (rewrite.Counts, error)) error {
	var counts rewrite.Counts
	err := a.measured(ed.log, "writing", false, func() (err error) {
		counts, err = do(ed.config.Progress)
		return err
	})
	if err == nil {
		err = ed.dir.keep()
	}
	if err != nil {
		if errors.Is(err, eventlog.ErrCorrupt) || errors.Is(err, eventlog.ErrMalformed) {
			return fmt.Errorf("not edited, repair it first: %w", notDamage{err})
		}
		return err
	}
	if a.json {
		return writeJSON(a.Out, counts)
	}
	if counts.Torn > 0 {
		a.remark("%s with a torn tail, which is not copied", count(counts.Torn, "file"))
	}
	_, err = fmt.Fprintf(a.Out, "%s: %s, %s, %s (%s unchanged), %s left out\n", ed.out, count(counts.Files, "file"), size(counts.Bytes),
		count(counts.Events, "event"), grouped(int64(counts.Identical)), count(counts.Dropped, "value"))
	return err
}

// notDamage is an error that has ended the work: damage of which nothing was
// used is a failure.
type notDamage struct{ error }

// series lists the series, as an edit needs them that depends on what is there.
func (a *app) series(ctx context.Context, l *log) ([]eventlog.Series, error) {
	var series []eventlog.Series
	err := a.measured(l, "reading", false, func() (err error) {
		series, err = eventlog.Tags(ctx, l.path, l.config)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("not edited, repair it first: %w", notDamage{err})
	}
	return series, nil
}
