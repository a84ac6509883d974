package sops

import (
	"bytes"
	"errors"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// FuzzDecrypt looks for panics, for results that differ between runs, and for ciphertext that passes for plain content.
func FuzzDecrypt(f *testing.F) {
	for _, name := range []string{"secret.yaml", "everything.yaml", "several.yaml", "groups.yaml", "configmap.yaml", "object.json", "app.env", "app.ini", "blob.bin"} {
		f.Add(name, read(f, name))
	}
	keys := allKeys(f)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		before := bytes.Clone(data)
		plain, encrypted, err := Decrypt(t.Context(), name, data, keys)
		again, _, errAgain := Decrypt(t.Context(), name, data, keys)
		if !bytes.Equal(plain, again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("two runs differ: %v and %v", err, errAgain)
		}
		if !bytes.Equal(data, before) {
			t.Fatal("the data given was changed")
		}
		var fault *Error
		switch {
		case err != nil && (!errors.As(err, &fault) || plain != nil):
			t.Fatalf("%T beside %q", err, plain)
		case err == nil && !encrypted && !bytes.Equal(plain, data):
			t.Fatal("a plain file was changed")
		}
		// Without a key, what was encrypted is an error, and what was not is as before.
		if _, open, err := Decrypt(t.Context(), name, data, nil); open || encrypted != (encrypted && err != nil) {
			t.Fatalf("without a key: encrypted %v, error %v", open, err)
		}
	})
}

// FuzzText looks for text that YAML gives back as another.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", " ", "a", "yes", "1", "~", "a\nb\n", "\na", " a\n b", "a\r\nb", "\t", "a: b # c", "\u2028", "\uFEFF", "- a", "|", "\x00", "\u0085x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		node := &yaml.Node{}
		if err := setValue(node, text); err != nil {
			return
		}
		document := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "a"}, node}}}}
		written, err := writeYAML([]*yaml.Node{document})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := yaml.Unmarshal(written, &got); err != nil || got["a"] != text {
			t.Fatalf("%q became %q: %v", text, got["a"], err)
		}
	})
}
