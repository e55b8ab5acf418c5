package options

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// file fills the options that nothing else has from a JSON object.
func (p *parser) file(path string) {
	if p.src.ReadFile == nil {
		p.fail("--config %s: there is nothing to read it with", path)
		return
	}
	b, err := p.src.ReadFile(path)
	if err != nil {
		p.fail("--config: %w", err)
		return
	}
	var all any
	if err := json.Unmarshal(b, &all); err != nil {
		line := 0
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			line = lineAt(b, int(e.Offset))
		}
		p.fail("--config: %s:%d: want a JSON object of options: %w", path, line, err)
		return
	}
	if _, ok := all.(map[string]any); !ok {
		p.fail("--config: %s: want a JSON object of options", path)
		return
	}
	p.object(path, b, b, "")
}

// object fills options from the members of obj, a valid JSON object in all, under prefix.
func (p *parser) object(path string, all, obj []byte, prefix string) {
	seen := map[string]bool{}
	base := len(all) - len(obj) // obj is kept aligned to the end of what it was cut from
	d := json.NewDecoder(bytes.NewReader(obj))
	_, _ = d.Token()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return
		}
		name := prefix + fmt.Sprint(key)
		from := fmt.Sprintf("%s:%d", path, lineAt(all, base+int(d.InputOffset())))
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return
		}
		if seen[name] {
			p.fail("%s: %q is there twice", from, name)
			continue
		}
		seen[name] = true
		o := p.set.byFlag[name]
		switch {
		case o == nil && p.set.nested[name] && string(raw) == "null":
		case o == nil && p.set.nested[name] && raw[0] == '{':
			end := base + int(d.InputOffset())
			p.object(path, all[:end], all[end-len(raw):end], name+"-")
		case o == nil:
			p.fail("%s: there is no option %q%s", from, name, p.set.nearest(name, ""))
		case o.from != "" || string(raw) == "null":
		default:
			values, ok := scalars(raw, isList(o.v.Type()))
			if !ok {
				p.fail("--%s, from %s: want a %s, not an array or object", o.Flag, from, o.Type)
				continue
			}
			p.give(o, values, false, from)
		}
	}
}

// scalars returns the text of a JSON string, number or boolean, or, for a list, of each in an array.
func scalars(raw json.RawMessage, list bool) (texts []string, ok bool) {
	switch raw[0] {
	case '{':
		return nil, false
	case '[':
		var elems []json.RawMessage
		if !list || json.Unmarshal(raw, &elems) != nil {
			return nil, false
		}
		for _, e := range elems {
			t, ok := scalars(e, false)
			if !ok || string(e) == "null" {
				return nil, false
			}
			texts = append(texts, t...)
		}
		return texts, true
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, false
		}
		return []string{s}, true
	}
	return []string{string(raw)}, true
}

func lineAt(b []byte, offset int) int {
	return 1 + bytes.Count(b[:min(max(offset, 0), len(b))], []byte("\n"))
}
