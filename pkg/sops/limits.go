package sops

import "bytes"

// Bounds of what one encrypted file may cost. They are generous for what people write: an API server takes objects up to 3 MB.
const (
	maxBytes  = 5 << 20
	maxValues = 100_000
	maxDepth  = 200
	// maxRecipients bounds the recipients of one file, each of which may cost a private key's operation.
	maxRecipients = 200
	maxGroups     = 50
	// maxWrapped bounds a data key as it is encrypted for one recipient, maxDataKey as it is plain.
	maxWrapped = 64 << 10
	maxDataKey = 256
	// maxKeys bounds the private keys of a Secret.
	maxKeys = 200
)

// checkSize bounds a file before a parser sees it, because a parser needs about a hundred times the bytes of a file that is nothing but
// punctuation.
func checkSize(data []byte) *Error {
	if len(data) > maxBytes {
		return fault(TooLarge, "Split it.", "the encrypted file holds %d bytes and only %d are allowed", len(data), maxBytes)
	}
	values := 0
	for _, c := range []byte("\n,:[{") {
		values += bytes.Count(data, []byte{c})
	}
	// Each encrypted value alone has six of these.
	if values > 8*maxValues {
		return fault(TooLarge, "Split it.", "the encrypted file holds more than %d values", maxValues)
	}
	return nil
}
