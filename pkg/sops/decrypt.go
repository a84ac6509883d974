package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Decrypt gives the plain content of a file, in the format of the file, and whether it was encrypted. A file that was not comes back as
// it is. The format goes by the file's name (.yaml, .yml, .json) and else by its content: dotenv, INI, and JSON around other content.
//
// Without keys, nil, every encrypted file is an error, which says for whom it is encrypted. All errors but the context's are an [*Error].
// The data is not changed.
func Decrypt(ctx context.Context, file string, data []byte, keys *Keys) (plain []byte, encrypted bool, err error) {
	// The MAC of every encrypted file begins like this. Something that hides it is found where objects are checked.
	if !bytes.Contains(data, []byte(valuePrefix)) || !bytes.Contains(data, []byte(metadataKey)) {
		return data, false, nil
	}
	defer func() {
		if r := recover(); r != nil {
			// The value of the panic may quote the file.
			plain, encrypted = nil, false
			err = at(file, malformed("reading it failed (%T)", r))
		}
	}()
	plain, encrypted, err = decrypt(ctx, file, data, keys)
	if err != nil {
		return nil, false, at(file, err)
	}
	return plain, encrypted, nil
}

func decrypt(ctx context.Context, file string, data []byte, keys *Keys) ([]byte, bool, error) {
	format := formatOf(file, data)
	if format == nil {
		return data, false, nil
	}
	if err := checkSize(data); err != nil {
		return nil, false, err
	}
	return format(ctx, data, keys)
}

// format decrypts the files of a format.
type format func(ctx context.Context, data []byte, keys *Keys) (plain []byte, encrypted bool, err error)

// formatOf is the format of a file that may be encrypted; nil for one that is not.
func formatOf(file string, data []byte) format {
	extension := strings.ToLower(path.Ext(file))
	switch {
	case extension == ".yaml", extension == ".yml":
		return decryptYAML
	case extension == ".json":
		return decryptJSON
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return decryptBinary
	case hasLine(data, "sops_mac="+valuePrefix):
		return decryptDotenv
	case hasLine(data, "[sops]"):
		return decryptINI
	case hasLine(data, "sops:"):
		return decryptYAML
	}
	return nil
}

// hasLine tells whether a line begins with a text.
func hasLine(data []byte, text string) bool {
	return bytes.HasPrefix(data, []byte(text)) || bytes.Contains(data, []byte("\n"+text))
}

// open reads metadata and gives the opener of the file's values.
func open(ctx context.Context, written flat, keys *Keys) (*opener, *metadata, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("decrypt: %w", err)
	}
	meta, fault := readMetadata(written)
	if fault != nil {
		return nil, nil, fault
	}
	key, fault := keys.dataKey(meta)
	if fault != nil {
		return nil, nil, fault
	}
	o, err := newOpener(key, meta.onlyEncrypted)
	if err != nil {
		return nil, nil, malformed("%v", err)
	}
	return o, meta, nil
}

// at names the file in an error.
func at(file string, err error) error {
	var fault *Error
	if errors.As(err, &fault) {
		named := *fault
		named.File = file
		return &named
	}
	return err
}
