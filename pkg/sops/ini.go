package sops

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// decryptINI decrypts sections of keys and values. The library is the one with which SOPS reads and writes them.
func decryptINI(ctx context.Context, data []byte, keys *Keys) ([]byte, bool, error) {
	file, err := ini.LoadSources(ini.LoadOptions{AllowNonUniqueSections: true}, data)
	if err != nil {
		if hasLine(data, "mac") {
			return nil, false, malformed("it cannot be read as INI")
		}
		return data, false, nil
	}
	section, err := file.GetSection(metadataKey)
	if err != nil || section.Key("mac").Value() == "" {
		return data, false, nil
	}
	written := flat{}
	for _, key := range section.Keys() {
		written[key.Name()] = strings.ReplaceAll(key.Value(), `\n`, "\n")
	}
	o, meta, err := open(ctx, written, keys)
	if err != nil {
		return nil, false, err
	}
	file.DeleteSection(metadataKey)
	for _, section := range file.Sections() {
		o.decryptINIComment(&section.Comment, section.Name())
		for _, key := range section.Keys() {
			path := []string{section.Name(), key.Name()}
			value, changed, err := o.take(key.Value(), path)
			if err != nil {
				return nil, false, fault(Damaged, encryptAgain, "the value at %s cannot be decrypted: %v", place(path), err)
			}
			if changed {
				text, err := textOf(value)
				if err != nil {
					return nil, false, malformed("the value at %s: %v", place(path), err)
				}
				key.SetValue(text)
			}
			o.decryptINIComment(&key.Comment, section.Name())
		}
	}
	if err := o.check(meta); err != nil {
		return nil, false, err
	}
	var plain bytes.Buffer
	if _, err := file.WriteTo(&plain); err != nil {
		return nil, false, fmt.Errorf("write decrypted INI: %w", err)
	}
	return plain.Bytes(), true, nil
}

// decryptINIComment decrypts a comment, if it is an encrypted one.
func (o *opener) decryptINIComment(text *string, section string) {
	if sealed := strings.TrimLeft(*text, "#; "); isEncrypted(sealed) {
		*text = strings.TrimPrefix(o.comment("#"+sealed, []string{section}), "#")
	}
}
