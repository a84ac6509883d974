package sops

import (
	"math"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

const (
	nullTag = "!!null"
	textTag = "!!str"
)

// sectionOf finds the metadata in the top level of a document: the last place of its key and value, or -1.
func sectionOf(root *yaml.Node) (section *yaml.Node, at int) {
	if root.Kind != yaml.MappingNode {
		return nil, -1
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != metadataKey || root.Content[i+1].Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j+1 < len(root.Content[i+1].Content); j += 2 {
			if root.Content[i+1].Content[j].Value == "mac" {
				return root.Content[i+1], i
			}
		}
	}
	return nil, -1
}

// decryptTree decrypts a document's values in place. All but them stays as it is written.
func (o *opener) decryptTree(node *yaml.Node, path []string, depth int) *Error {
	if depth > maxDepth {
		return fault(TooLarge, "Flatten it.", "lists and mappings nest more than %d levels deep", maxDepth)
	}
	switch node.Kind {
	case yaml.MappingNode:
		o.decryptComments(node, path)
		return o.decryptMapping(node, path, depth)
	case yaml.SequenceNode:
		o.decryptComments(node, path)
		return o.decryptSequence(node, path, depth)
	case yaml.ScalarNode:
		return o.decryptScalar(node, path)
	}
	return malformed("line %d: aliases (*name) cannot stand in an encrypted file", node.Line)
}

func (o *opener) decryptMapping(node *yaml.Node, path []string, depth int) *Error {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != textTag {
			return malformed("line %d: a key is no text", key.Line)
		}
		o.decryptComments(key, path)
		if value.Kind == yaml.ScalarNode && o.decryptComments(value, path) {
			// SOPS forgets where on the line an encrypted comment stood.
			key.HeadComment, value.LineComment = lines(key.HeadComment, value.LineComment), ""
		}
		if err := o.decryptTree(value, append(path[:len(path):len(path)], key.Value), depth+1); err != nil {
			return err
		}
		if value.Kind == 0 {
			return malformed("line %d: a comment stands for a value", key.Line)
		}
	}
	return nil
}

func (o *opener) decryptSequence(node *yaml.Node, path []string, depth int) *Error {
	kept := node.Content[:0]
	above := ""
	for _, item := range node.Content {
		if item.Kind == yaml.ScalarNode && o.decryptComments(item, path) {
			item.HeadComment, item.LineComment = lines(item.HeadComment, item.LineComment), ""
		}
		said := item.Value
		if err := o.decryptTree(item, path, depth+1); err != nil {
			return err
		}
		switch {
		case item.Kind == 0:
			// SOPS writes the encrypted comments of a list as items of it.
			above = lines(above, o.comment("#"+said, path))
			continue
		case len(kept) == 0:
			node.HeadComment = lines(above, node.HeadComment)
		default:
			item.HeadComment = lines(above, item.HeadComment)
		}
		above = ""
		kept = append(kept, item)
	}
	switch node.Content = kept; {
	case above == "":
	case len(kept) == 0:
		node.HeadComment = lines(node.HeadComment, above)
	default:
		last := kept[len(kept)-1]
		last.FootComment = lines(above, last.FootComment)
	}
	return nil
}

// lines are two comments, one below the other.
func lines(above, below string) string {
	if above == "" || below == "" {
		return above + below
	}
	return above + "\n" + below
}

// decryptScalar leaves the zero node where a comment was.
func (o *opener) decryptScalar(node *yaml.Node, path []string) *Error {
	var value any
	if err := node.Decode(&value); err != nil {
		return malformed("line %d: a value cannot be read", node.Line)
	}
	plain, changed, err := o.take(value, path)
	if err != nil {
		return fault(Damaged, encryptAgain, "the value at %s cannot be decrypted: %v", place(path), err)
	}
	if !changed {
		return nil
	}
	if _, is := plain.(comment); is {
		*node = yaml.Node{}
		return nil
	}
	if err := setValue(node, plain); err != nil {
		return malformed("the value at %s cannot be written", place(path))
	}
	return nil
}

// setValue makes a node of a plain value, as SOPS does.
func setValue(node *yaml.Node, plain any) error {
	fresh := yaml.Node{}
	switch plain := plain.(type) {
	case string:
		if !utf8.ValidString(plain) {
			return errValue
		}
		if err := fresh.Encode(plain); err != nil {
			return errValue
		}
		if strings.ContainsAny(plain, "\r\u0085\u2028\u2029\uFEFF") {
			// Only in double quotes do all line breaks stay what they are.
			fresh.Style = yaml.DoubleQuotedStyle
		}
	case float64:
		if math.IsNaN(plain) || math.IsInf(plain, 0) {
			return errValue
		}
		if err := fresh.Encode(plain); err != nil {
			return errValue
		}
	default:
		if err := fresh.Encode(plain); err != nil {
			return errValue
		}
	}
	node.Kind, node.Tag, node.Value, node.Style = yaml.ScalarNode, fresh.Tag, fresh.Value, fresh.Style
	return nil
}

// decryptComments decrypts what is encrypted of a node's comments, and tells whether the one on its line was.
func (o *opener) decryptComments(node *yaml.Node, path []string) (onLine bool) {
	onLine = strings.HasPrefix(node.LineComment, "#"+valuePrefix)
	for _, text := range []*string{&node.HeadComment, &node.LineComment, &node.FootComment} {
		if !strings.Contains(*text, valuePrefix) {
			continue
		}
		parts := strings.Split(*text, "\n")
		for i, part := range parts {
			parts[i] = o.comment(part, path)
		}
		*text = strings.Join(parts, "\n")
	}
	return onLine
}

// comment decrypts a comment. SOPS takes one that it cannot decrypt for one that never was encrypted.
func (o *opener) comment(text string, path []string) string {
	sealed, marked := strings.CutPrefix(text, "#")
	if !marked || !isEncrypted(sealed) {
		return text
	}
	plain, err := o.open(sealed, additional(path))
	said, is := plain.(comment)
	if err != nil || !is || strings.ContainsAny(string(said), "\r\n\u0085\u2028\u2029") {
		return text
	}
	return "#" + string(said)
}

// place is a path for an error. It holds keys, which are not secret in SOPS' format.
func place(path []string) string {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = printable(name)
	}
	return printable(strings.Join(names, "."))
}
