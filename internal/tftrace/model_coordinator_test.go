package tftrace

import "slices"

// A modelCoordinator is TensorFlow's Coordinator. Its threads end as soon as a
// stop is asked for.
type modelCoordinator struct {
	model   *model
	stop    bool
	wished  bool // the stop was asked for without an error
	joined  bool
	errs    []error
	threads []string
}

// requestStop returns an error if asking fails.
func (c *modelCoordinator) requestStop(err error, bare bool) error {
	var failed error
	if err != nil && bare && c.model.makes("D-27") {
		err, failed = modelError("type_error"), modelError("type_error")
	}
	if err != nil && isClean(err) && !c.model.makes("D-11") {
		err = nil
	}
	if err != nil && c.joined {
		return err // nobody would raise it any more
	}
	if err == nil {
		c.wished = c.wished || !c.stop
	} else if !c.stop || !c.model.makes("D-26") {
		c.errs = append(c.errs, err)
	}
	c.end()
	return failed
}

// end stops the threads.
func (c *modelCoordinator) end() {
	c.stop = true
	slices.Sort(c.threads)
	for _, name := range c.threads {
		c.model.add("thread_end", "thread", name)
	}
	c.threads = nil
}

func (c *modelCoordinator) start(thread string) {
	c.threads = append(c.threads, thread)
	if c.stop {
		c.end()
	}
}

func (c *modelCoordinator) err() error { return joined(c.errs...) }
