package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	yaml "go.yaml.in/yaml/v3"
)

// indent is SOPS' own, so that content which is used as text is what sops --decrypt gives.
const indent = 4

// decryptYAML decrypts each run of documents that share a sops section: SOPS encrypts a file as one, and writes its section into every
// document; files that were encrypted one by one can be put together. Documents without one stay as they are.
func decryptYAML(ctx context.Context, data []byte, keys *Keys) ([]byte, bool, error) {
	documents, err := readYAML(data)
	if err != nil {
		if hasLine(data, metadataKey+":") {
			return nil, false, malformed("it cannot be read as YAML")
		}
		return data, false, nil
	}
	encrypted := false
	kept := documents[:0:0]
	for i := 0; i < len(documents); {
		section, _ := sectionOf(rootOf(documents[i]))
		if section == nil {
			kept = append(kept, documents[i])
			i++
			continue
		}
		encrypted = true
		first := i
		for i++; i < len(documents); i++ {
			if next, _ := sectionOf(rootOf(documents[i])); next == nil || macOf(next) != macOf(section) {
				break
			}
		}
		run, err := decryptRun(ctx, documents[first:i], section, keys)
		if err != nil {
			return nil, false, err
		}
		kept = append(kept, run...)
	}
	if !encrypted {
		return data, false, nil
	}
	plain, err := writeYAML(kept)
	if err != nil {
		return nil, false, err
	}
	return plain, true, nil
}

// readYAML reads all documents.
func readYAML(data []byte) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	stream := yaml.NewDecoder(bytes.NewReader(data))
	for {
		document := &yaml.Node{}
		if err := stream.Decode(document); err != nil {
			if errors.Is(err, io.EOF) {
				return documents, nil
			}
			return nil, errUnreadable
		}
		documents = append(documents, document)
	}
}

func rootOf(document *yaml.Node) *yaml.Node {
	if len(document.Content) == 0 {
		return &yaml.Node{}
	}
	return document.Content[0]
}

func macOf(section *yaml.Node) string {
	for i := 0; i+1 < len(section.Content); i += 2 {
		if section.Content[i].Value == "mac" {
			return section.Content[i+1].Value
		}
	}
	return ""
}

// decryptRun decrypts the documents of one encrypted file. Those that hold nothing else are dropped.
func decryptRun(ctx context.Context, documents []*yaml.Node, section *yaml.Node, keys *Keys) ([]*yaml.Node, error) {
	written, fault := flatten(section)
	if fault != nil {
		return nil, fault
	}
	o, meta, err := open(ctx, written, keys)
	if err != nil {
		return nil, err
	}
	kept := documents[:0:0]
	for _, document := range documents {
		root := rootOf(document)
		_, place := sectionOf(root)
		root.Content = append(root.Content[:place:place], root.Content[place+2:]...)
		o.decryptComments(document, nil)
		if err := o.decryptTree(root, nil, 1); err != nil {
			return nil, err
		}
		if len(root.Content) > 0 {
			kept = append(kept, document)
		}
	}
	if err := o.check(meta); err != nil {
		return nil, err
	}
	return kept, nil
}

func writeYAML(documents []*yaml.Node) ([]byte, error) {
	var plain bytes.Buffer
	encoder := yaml.NewEncoder(&plain)
	encoder.SetIndent(indent)
	for _, document := range documents {
		if err := encoder.Encode(document); err != nil {
			return nil, malformed("its documents cannot be written")
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write decrypted YAML: %w", err)
	}
	return plain.Bytes(), nil
}
