package sops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	yaml "go.yaml.in/yaml/v3"
)

// decryptJSON decrypts a file that is one JSON object, and gives JSON as sops --decrypt does.
func decryptJSON(ctx context.Context, data []byte, keys *Keys) ([]byte, bool, error) {
	root, encrypted, err := decryptObject(ctx, data, keys)
	if err != nil || !encrypted {
		return data, false, err
	}
	var compact, plain bytes.Buffer
	if err := writeJSON(&compact, root); err != nil {
		return nil, false, err
	}
	if err := json.Indent(&plain, compact.Bytes(), "", "\t"); err != nil {
		return nil, false, malformed("its values cannot be written as JSON")
	}
	plain.WriteByte('\n')
	return plain.Bytes(), true, nil
}

// decryptBinary decrypts any content, which SOPS wraps into a JSON object with the one key data.
func decryptBinary(ctx context.Context, data []byte, keys *Keys) ([]byte, bool, error) {
	root, encrypted, err := decryptObject(ctx, data, keys)
	if err != nil || !encrypted {
		return data, false, err
	}
	if len(root.Content) == 2 && root.Content[0].Value == "data" && root.Content[1].Kind == yaml.ScalarNode {
		return []byte(root.Content[1].Value), true, nil
	}
	return nil, false, fault(Malformed, "Name it .json, or encrypt it with: sops encrypt --input-type binary",
		"it holds encrypted JSON and its name does not end in .json")
}

// decryptObject reads and decrypts JSON.
func decryptObject(ctx context.Context, data []byte, keys *Keys) (root *yaml.Node, encrypted bool, err error) {
	root = readJSON(data)
	if root == nil {
		if bytes.Contains(data, []byte(`"`+metadataKey+`"`)) {
			return nil, false, malformed("it cannot be read as a JSON object")
		}
		return nil, false, nil
	}
	section, _ := sectionOf(root)
	if section == nil {
		return nil, false, nil
	}
	document := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}
	if _, err := decryptRun(ctx, []*yaml.Node{document}, section, keys); err != nil {
		return nil, false, err
	}
	return root, true, nil
}

var errNotJSON = errors.New("not one JSON object")

// readJSON reads an object in the order in which it is written, which the MAC goes by. It is nil when there is anything else.
func readJSON(data []byte) *yaml.Node {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	root, err := readValue(decoder, 1)
	if err != nil {
		return nil
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return root
}

func readValue(decoder *json.Decoder, depth int) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: nullTag, Value: "null"}, nil
	case bool:
		value := "false"
		if token {
			value = "true"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: value}, nil
	case json.Number:
		if _, err := token.Int64(); err == nil {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: token.String()}, nil
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: token.String()}, nil
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: textTag, Value: token, Style: yaml.DoubleQuotedStyle}, nil
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode}
		if token == '[' {
			node.Kind = yaml.SequenceNode
		}
		// A little more than the tree may have, for that to be said of it.
		if depth > maxDepth+2 {
			return nil, errNotJSON
		}
		for decoder.More() {
			if token == '{' {
				key, err := decoder.Token()
				if err != nil {
					return nil, err
				}
				name, _ := key.(string)
				node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: textTag, Value: name, Style: yaml.DoubleQuotedStyle})
			}
			value, err := readValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, value)
		}
		_, err := decoder.Token()
		return node, err
	}
	return nil, errNotJSON
}

func writeJSON(out *bytes.Buffer, node *yaml.Node) error {
	open, end := byte('{'), byte('}')
	switch node.Kind {
	case yaml.ScalarNode:
		return writeScalar(out, node)
	case yaml.SequenceNode:
		open, end = '[', ']'
	}
	out.WriteByte(open)
	for i, child := range node.Content {
		switch {
		case node.Kind == yaml.MappingNode && i%2 == 1:
			out.WriteByte(':')
		case i > 0:
			out.WriteByte(',')
		}
		if err := writeJSON(out, child); err != nil {
			return err
		}
	}
	out.WriteByte(end)
	return nil
}

func writeScalar(out *bytes.Buffer, node *yaml.Node) error {
	if tag := node.ShortTag(); tag != textTag && tag != "!!timestamp" && tag != "!!binary" {
		out.WriteString(node.Value)
		return nil
	}
	text, err := json.Marshal(node.Value)
	if err != nil {
		return malformed("a value cannot be written as JSON")
	}
	out.Write(text)
	return nil
}
