package session

import "slices"

// A plan holds what stays the same while the caller and the hooks ask for the
// same fetches: the one list that the engine gets, and where in it each party
// finds its own.
type plan struct {
	caller  []string
	hooks   [][]string // nil: the hook asked for nothing
	request Request
	results Values // the caller's
	values  []SessionRunValues
}

// maxPlans bounds the cache. SummarySaverHook alternates between two lists of
// fetches; a few such hooks with periods of their own make a handful.
const maxPlans = 8

// plans are the plans in use, the last used first.
type plans []*plan

// keep returns names, or equal ones that a plan holds already: what hooks and
// plans see is never the caller's own slice.
func (ps plans) keep(names []string) []string {
	for _, p := range ps {
		if slices.Equal(p.caller, names) {
			return p.caller
		}
	}
	kept := make([]string, len(names)) // slices.Clone would make the caller's slice escape
	copy(kept, names)
	return kept
}

// find returns the plan for what is asked, or nil. asked has an entry a hook.
func (ps plans) find(caller []string, asked []*SessionRunArgs) *plan {
	for i, p := range ps {
		if p.serves(caller, asked) {
			copy(ps[1:i+1], ps[:i])
			ps[0] = p
			return p
		}
	}
	return nil
}

// add puts p first; the plan that was not used for longest goes if there are
// too many.
func (ps *plans) add(p *plan) {
	*ps = slices.Insert((*ps)[:min(len(*ps), maxPlans-1)], 0, p)
}

func (p *plan) serves(caller []string, asked []*SessionRunArgs) bool {
	if !slices.Equal(p.caller, caller) {
		return false
	}
	for i, args := range asked {
		if args == nil {
			if len(p.hooks[i]) > 0 {
				return false
			}
		} else if !slices.Equal(p.hooks[i], args.Fetches) {
			return false
		}
	}
	return true
}

// newPlan keeps caller and copies the hooks' slices, which may change. options
// and metadata are those that every run of the session uses.
func newPlan(caller []string, asked []*SessionRunArgs, options *RunOptions, metadata *RunMetadata) *plan {
	p := &plan{
		caller: caller,
		hooks:  make([][]string, len(asked)),
		values: make([]SessionRunValues, len(asked)),
	}
	place := make(map[string]int)
	enter := func(names []string) Values {
		at := make([]int, len(names))
		for i, name := range names {
			n, known := place[name]
			if !known {
				n = len(p.request.Fetches)
				place[name] = n
				p.request.Fetches = append(p.request.Fetches, name)
			}
			at[i] = n
		}
		return Values{names: names, at: at}
	}
	p.results = enter(p.caller)
	for i, args := range asked {
		if args != nil {
			p.hooks[i] = slices.Clone(args.Fetches)
			p.values[i].Results = enter(p.hooks[i])
		}
	}
	p.request.Values = make([]Value, len(p.request.Fetches))
	p.request.Options, p.request.Metadata = options, metadata
	p.results.vals = p.request.Values
	for i := range p.values {
		v := &p.values[i]
		v.Results.vals, v.Options, v.Metadata = p.request.Values, options, metadata
	}
	return p
}
