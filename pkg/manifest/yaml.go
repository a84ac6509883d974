package manifest

import (
	"bytes"
	"context"
	"errors"
	"io"

	yaml "go.yaml.in/yaml/v3"
)

// yaml reads all documents of a YAML file. The library splits them, as the specification says: a line --- within a block
// that is indented is text. After a syntax error nothing more can be read of the file.
func (d *decoder) yaml() *Error {
	data := allowVersion12(d.file.Data)
	stream := yaml.NewDecoder(&contextReader{ctx: d.ctx, r: bytes.NewReader(data)})
	for {
		var node yaml.Node
		err := stream.Decode(&node)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case d.ctx.Err() != nil:
			return fault(Invalid, "reading was cancelled")
		case err != nil:
			return yamlError(data, err)
		}
		for _, root := range node.Content {
			value, err := (&converter{decoder: d, firstLine: root.Line}).value(root, 1)
			if err != nil {
				return err
			}
			if err := d.add(root.Line, value); err != nil {
				return err
			}
		}
	}
}

// contextReader ends a parser's work when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// allowVersion12 makes the directive %YAML 1.2 at the beginning of a file %YAML 1.1, the only version that the library
// takes. Kubernetes reads all manifests as YAML 1.1, whatever they say.
func allowVersion12(data []byte) []byte {
	const directive, is, reads = "%YAML ", "%YAML 1.2", "%YAML 1.1"
	for offset := 0; offset < len(data); {
		line := data[offset:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte(byteOrderMark)))
		switch {
		case bytes.HasPrefix(text, []byte(is)):
			data = bytes.Clone(data)
			copy(data[offset+bytes.Index(line, []byte(is)):], reads)
			return data
		case len(text) > 0 && text[0] != '#' && text[0] != '%':
			return data
		}
		offset += len(line)
	}
	return data
}

const byteOrderMark = "\uFEFF"

// converter makes of one document's nodes what Kubernetes' JSON decoding makes of the same document as JSON.
type converter struct {
	*decoder
	// firstLine is where the document begins. The library lets aliases reach into documents before it; YAML does not.
	firstLine int
	// expanding holds the aliases that are being followed.
	expanding map[*yaml.Node]bool
}

func (c *converter) value(n *yaml.Node, depth int) (any, *Error) {
	if depth > c.limits.MaxDepth {
		return nil, faultAt(n.Line, TooDeep, "lists and mappings nest more than %d levels deep", c.limits.MaxDepth)
	}
	if err := c.charge(n); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.alias(n, depth)
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		return c.sequence(n, depth)
	}
	return scalar(n)
}

// charge counts what a value takes, and what aliases repeat. The text of a value that is repeated is shared in memory,
// but not in what is sent to the API server.
func (c *converter) charge(n *yaml.Node) *Error {
	const perValue, inMemory = 16, 64
	cost := int64(len(n.Value)) + perValue
	c.size += cost + inMemory
	if len(c.expanding) == 0 {
		return nil
	}
	c.expanded += cost
	if c.expanded > c.limits.MaxAliasExpansion {
		return faultAt(n.Line, TooLarge, "aliases and merge keys (*name, <<) add more than %d bytes to the file; write the values out, or use fewer of them",
			c.limits.MaxAliasExpansion)
	}
	return nil
}

func (c *converter) alias(n *yaml.Node, depth int) (any, *Error) {
	if c.expanding[n.Alias] {
		return nil, faultAt(n.Line, Invalid, "an alias stands within the value that it names; write the value out")
	}
	if n.Alias.Line < c.firstLine {
		return nil, faultAt(n.Line, YAMLSyntax, "YAML: %s", unknownAnchor)
	}
	if c.expanding == nil {
		c.expanding = map[*yaml.Node]bool{}
	}
	c.expanding[n.Alias] = true
	defer delete(c.expanding, n.Alias)
	return c.value(n.Alias, depth)
}

func (c *converter) sequence(n *yaml.Node, depth int) (any, *Error) {
	if err := checkTag(n, "!!seq"); err != nil {
		return nil, err
	}
	items := make([]any, len(n.Content))
	for i, child := range n.Content {
		item, err := c.value(child, depth+1)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

func (c *converter) mapping(n *yaml.Node, depth int) (any, *Error) {
	if err := checkTag(n, "!!map"); err != nil {
		return nil, err
	}
	m := make(map[string]any, len(n.Content)/2)
	var merge *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		if isMerge(keyNode) {
			if merge != nil {
				return nil, faultAt(keyNode.Line, DuplicateKey, "the merge key << is set twice in one mapping; use one << with a list of aliases")
			}
			merge = valueNode
			continue
		}
		key, err := c.key(keyNode)
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			return nil, faultAt(keyNode.Line, DuplicateKey, "the key %s is set twice in one mapping; remove one of them", quote(key))
		}
		if m[key], err = c.value(valueNode, depth+1); err != nil {
			return nil, err
		}
	}
	if merge != nil {
		if err := c.merge(m, merge, depth); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && n.ShortTag() == "!!merge"
}

// merge sets keys that the mapping itself does not: what is written in the mapping wins, then the first of several
// sources (https://yaml.org/type/merge.html).
func (c *converter) merge(m map[string]any, n *yaml.Node, depth int) *Error {
	value, err := c.value(n, depth)
	if err != nil {
		return err
	}
	sources, ok := value.([]any)
	if !ok {
		sources = []any{value}
	}
	for _, source := range sources {
		values, ok := source.(map[string]any)
		if !ok {
			return faultAt(n.Line, Invalid, "the merge key << takes a mapping or a list of mappings, not %s", typeName(source))
		}
		for k, v := range values {
			if _, set := m[k]; !set {
				m[k] = v
			}
		}
	}
	return nil
}

// checkTag refuses tags that Kubernetes tools would drop without a word, such as !vault.
func checkTag(n *yaml.Node, allowed ...string) *Error {
	if n.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	for _, tag := range allowed {
		if n.ShortTag() == tag {
			return nil
		}
	}
	// The tag is not shown: a password that begins with ! and has no quotes looks like one.
	return faultAt(n.Line, Invalid, "a tag (!name) stands where none has a meaning in a manifest; remove it, or put the value in quotes if it is text")
}
