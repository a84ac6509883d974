package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// isJSON tells how to read a file: by its name, or because all of it is one JSON value that is an object. JSON is read as
// such where possible, because YAML knows neither its surrogate pairs nor the difference of 1 and 1.0.
func isJSON(file File) bool {
	if strings.EqualFold(path.Ext(file.Path), ".json") {
		return true
	}
	text := bytes.TrimLeft(withoutMark(file.Data), " \t\r\n")
	return len(text) > 0 && text[0] == '{' && json.Valid(text)
}

func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte(byteOrderMark)) }

// json reads one or several JSON values, one after the other.
func (d *decoder) json() *Error {
	data := withoutMark(d.file.Data)
	tokens := json.NewDecoder(&contextReader{ctx: d.ctx, r: bytes.NewReader(data)})
	tokens.UseNumber()
	r := &jsonReader{decoder: d, tokens: tokens, data: data}
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.syntax(err)
		}
		line := r.line()
		value, bad := r.value(token, 1)
		if bad != nil {
			return bad
		}
		if bad := d.add(line, value); bad != nil {
			return bad
		}
	}
}

type jsonReader struct {
	*decoder
	tokens *json.Decoder
	data   []byte
	// The lines before counted have been counted.
	counted, lines int
}

// line is where the reader stands, from 1.
func (r *jsonReader) line() int {
	offset := min(int(r.tokens.InputOffset()), len(r.data))
	r.lines += bytes.Count(r.data[r.counted:offset], []byte("\n"))
	r.counted = offset
	return r.lines + 1
}

func (r *jsonReader) syntax(err error) *Error {
	problem := withoutContent(strings.TrimPrefix(err.Error(), "json: "))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		problem = "the file ends in the middle of a value"
	}
	return faultAt(r.line(), JSONSyntax, "JSON: %s", problem)
}

func (r *jsonReader) value(token json.Token, depth int) (any, *Error) {
	const inMemory = 80
	r.size += inMemory
	if depth > r.limits.MaxDepth {
		return nil, faultAt(r.line(), TooDeep, "arrays and objects nest more than %d levels deep", r.limits.MaxDepth)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	case json.Number:
		return r.number(t)
	case string:
		r.size += int64(len(t))
	}
	return token, nil
}

func (r *jsonReader) object(depth int) (any, *Error) {
	m := map[string]any{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, r.syntax(err)
		}
		key, ok := token.(string)
		if !ok {
			return nil, faultAt(r.line(), JSONSyntax, "JSON: a key must be a string")
		}
		if _, twice := m[key]; twice {
			return nil, faultAt(r.line(), DuplicateKey, "the key %s is set twice in one object; remove one of them", quote(key))
		}
		r.size += int64(len(key))
		if token, err = r.tokens.Token(); err != nil {
			return nil, r.syntax(err)
		}
		value, bad := r.value(token, depth+1)
		if bad != nil {
			return nil, bad
		}
		m[key] = value
	}
	return m, r.end()
}

func (r *jsonReader) array(depth int) (any, *Error) {
	items := []any{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, r.syntax(err)
		}
		item, bad := r.value(token, depth+1)
		if bad != nil {
			return nil, bad
		}
		items = append(items, item)
	}
	return items, r.end()
}

// end takes the bracket that closes an array or object.
func (r *jsonReader) end() *Error {
	if _, err := r.tokens.Token(); err != nil {
		return r.syntax(err)
	}
	return nil
}

// number is an int64 where it fits and a float64 otherwise, as Kubernetes decodes JSON.
func (r *jsonReader) number(n json.Number) (any, *Error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, faultAt(r.line(), Invalid, "a number is too large; quote it if it is meant as text")
	}
	return f, nil
}
