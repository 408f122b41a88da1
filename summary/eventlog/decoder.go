package eventlog

import (
	"bytes"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Decoder turns payloads of records into events. It remembers the tags of a
// run and what their first values say of them, because later values leave that
// out. The zero value is ready. Use one for all files of a run, in their order;
// it is not safe for concurrent use.
type Decoder struct {
	tags map[string]*tag
	last *tag
	// admit, if not nil, is asked once for each tag.
	admit func(tag string) bool
	// overtaken are the tags with values that are left out of the file.
	overtaken map[string]*bound
}

// Decode reads the event in payload, which it keeps: payload must not change
// while e and its values are in use. An error Is ErrMalformed.
func (d *Decoder) Decode(payload []byte, e *Event) error {
	e.decoder = d
	if err := e.parse(payload); err != nil {
		return e.fault(err)
	}
	return nil
}

// A tag is what a Decoder knows of one.
type tag struct {
	name  string
	out   bool      // its values are left out
	first *Metadata // the first that says what the tag is, nil so far
	next  *tag      // the tag whose value came after this one's, the last time

	// The latest metadata that was read, and from what: writers that repeat
	// them repeat them unchanged.
	own    *Metadata
	ownRaw []byte

	// The latest metadata made for a value in the old form.
	migrated     *Metadata
	migratedFrom *Metadata
	migratedForm form

	column *column  // where Scalars collects its values
	series []Series // where Tags counts its values
}

// kind is what the tag's metadata say that its values are, 0 if nothing.
func (t *tag) kind() Kind {
	if t.first == nil {
		return 0
	}
	return t.first.kind
}

// lookup returns the tag of this name.
func (d *Decoder) lookup(name []byte) (*tag, error) {
	// A training loop writes its tags in the same order each time.
	if d.last != nil && d.last.next != nil && d.last.next.name == string(name) {
		d.last = d.last.next
		return d.last, nil
	}
	t := d.tags[string(name)]
	if t == nil {
		if !utf8.Valid(name) {
			return nil, malformed("tag %q is no UTF-8", name)
		}
		t = &tag{name: string(name)}
		t.out = d.admit != nil && !d.admit(t.name)
		if d.tags == nil {
			d.tags = make(map[string]*tag)
		}
		d.tags[t.name] = t
	}
	if d.last != nil {
		d.last.next = t
	}
	d.last = t
	return t, nil
}

// value reads one value of a Summary into v, unless its tag is left out.
func (d *Decoder) value(v *Value, b []byte) (admitted bool, err error) {
	var name, metadata []byte
	v.form, v.bits, v.data = formNone, 0, nil
	f := fields{rest: b}
	for f.next() {
		switch {
		case f.is(valueTag, protowire.BytesType):
			name = f.bytes
		case f.is(protowire.Number(formSimple), protowire.Fixed32Type):
			v.form, v.bits, v.data = formSimple, uint32(f.num), nil
		case f.wire != protowire.BytesType:
		case f.number == valueMetadata:
			metadata = merged(metadata, f.bytes)
		case f.number == protowire.Number(formObsolete):
			v.form, v.data = formObsolete, f.bytes
		case f.number == protowire.Number(formImage) || f.number == protowire.Number(formHistogram) ||
			f.number == protowire.Number(formAudio) || f.number == protowire.Number(formTensor):
			if v.form != form(f.number) {
				v.data = nil
			}
			v.form, v.data = form(f.number), merged(v.data, f.bytes)
		}
	}
	if f.bad {
		return false, malformed("no Summary.Value")
	}
	t, err := d.lookup(name)
	if err != nil || t.out {
		return false, err
	}
	v.tag, v.Tag = t, t.name
	v.Metadata, err = t.describe(v.form, metadata)
	if err != nil {
		return false, malformed("tag %q: %w", t.name, err)
	}
	v.Kind = v.Metadata.kind
	if v.form == formObsolete || v.form == formNone && v.Kind != KindHParams {
		v.Kind = KindUnknown // Whatever the metadata say: no reader shows it.
	}
	v.assumed = v.Kind == 0
	if v.assumed {
		v.Kind = v.assume()
	}
	return true, nil
}

// blob makes the value that a graph or a run's metadata is to TensorBoard.
func (d *Decoder) blob(v *Value, e *Event) (admitted bool, err error) {
	name, data, metadata := []byte(runGraphTag), e.body, graphMetadata
	if e.What == TaggedRunMetadata {
		name, data, metadata = nil, nil, runMetadataMetadata
		f := fields{rest: e.body}
		for f.next() {
			switch {
			case f.is(taggedRunMetadataTag, protowire.BytesType):
				name = f.bytes
			case f.is(taggedRunMetadataData, protowire.BytesType):
				data = f.bytes
			}
		}
		if f.bad {
			return false, malformed("no TaggedRunMetadata")
		}
	}
	t, err := d.lookup(name)
	if err != nil || t.out {
		return false, err
	}
	*v = Value{Tag: t.name, Kind: metadata.kind, Metadata: metadata, tag: t, form: formBlob, data: data}
	return true, nil
}

// describe returns the metadata of a value in this form: its own, or those of
// the tag's first value. What comes back is shared and does not change.
func (t *tag) describe(form form, raw []byte) (*Metadata, error) {
	said := t.first
	if raw != nil {
		if t.own == nil || !bytes.Equal(raw, t.ownRaw) {
			own := new(Metadata)
			if err := own.parse(raw); err != nil {
				return nil, err
			}
			t.own, t.ownRaw = own, bytes.Clone(raw)
		}
		if t.first == nil || t.first.blank() {
			t.first = t.own
		}
		if said == nil || !t.own.blank() {
			said = t.own
		}
	}
	if said == nil {
		said = noMetadata
	}
	if !form.old() {
		return said, nil
	}
	if t.migrated == nil || t.migratedFrom != said || t.migratedForm != form {
		t.migrated, t.migratedFrom, t.migratedForm = said.migrate(form, t.name), said, form
	}
	return t.migrated, nil
}

// simple is the scalar that the bits of a simple_value are.
func simple(bits uint32) float64 { return float64(math.Float32frombits(bits)) }
