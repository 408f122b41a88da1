package tftrace

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

// A checkpointsSpec is how scenarios describe a checkpoint_saver.
type checkpointsSpec struct {
	CheckpointDir      string   `json:"checkpoint_dir"`
	SaveSteps          *int64   `json:"save_steps"`
	SaveSecs           *float64 `json:"save_secs"`
	CheckpointBasename string   `json:"checkpoint_basename"`
	Listeners          []listenerSpec
	SaveFaults         []faultSpec `json:"save_faults"`
	Scaffold           bool
}

// A listenerSpec describes a listener. Calls are counted from 1, those of each
// callback by itself.
type listenerSpec struct {
	Name   string
	StopAt []int `json:"stop_at"` // calls of after_save
	Faults []struct {
		In, Kind string
		At       int
	}
}

func newCheckpointSaver(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[checkpointsSpec](h)
	config := hooks.CheckpointSaverHookConfig{
		CheckpointBasename: args.CheckpointBasename,
		Saver:              &rememberingSaver{library: l, hook: h.Name, faults: args.SaveFaults},
	}
	if args.CheckpointDir != "" {
		config.CheckpointDir = l.folder(args.CheckpointDir)
	}
	if args.SaveSteps != nil {
		config.SaveSteps = *args.SaveSteps
	}
	if args.SaveSecs != nil {
		config.SaveSecs = seconds(*args.SaveSecs)
	}
	if args.Scaffold {
		config.Scaffold = new(session.Scaffold)
	}
	for _, spec := range args.Listeners {
		config.Listeners = append(config.Listeners, &libraryListener{newScriptedListener(l.machine, h.Name, spec)})
	}
	return hooks.NewCheckpointSaverHook(config)
}

// A rememberingSaver remembers the variables instead of writing them.
type rememberingSaver struct {
	session.Saver // only Save is called
	library       *library
	hook          string
	faults        []faultSpec
	saves         int
}

func (r *rememberingSaver) Save(_ context.Context, s session.Session, prefix string, step int64) (string, error) {
	r.saves++
	path, err := filepath.Rel(r.library.dir, prefix)
	if err != nil {
		return "", err
	}
	engine, ok := session.Ability[*librarySession](s)
	if !ok {
		return "", fmt.Errorf("%T is no session of the engine", s)
	}
	return fmt.Sprintf("%s-%d", prefix, step), engine.save(r.hook, path, step, r.saves, r.faults)
}

// A libraryListener is a scripted one as this library calls it.
type libraryListener struct{ *scriptedListener }

func (l *libraryListener) Begin(context.Context, session.Graph) error { return l.begin() }

func (l *libraryListener) BeforeSave(_ context.Context, _ session.Session, step int64) error {
	return l.beforeSave(step)
}

func (l *libraryListener) AfterSave(_ context.Context, _ session.Session, step int64) (bool, error) {
	return l.afterSave(step)
}

func (l *libraryListener) End(_ context.Context, _ session.Session, step int64) error {
	return l.end(step)
}
