package manifest

import (
	"encoding/base64"
	"maps"
)

// encodeSecret merges stringData of a Secret whose other parts are shared.
func encodeSecret(secret map[string]any) *Error {
	for _, field := range []string{"data", "stringData"} {
		if m, ok := secret[field].(map[string]any); ok {
			secret[field] = maps.Clone(m)
		}
	}
	return mergeStringData(secret)
}

// mergeStringData does what the API server does with a v1 Secret: stringData is encoded into data and wins over it. The
// base64 of data is written the one canonical way, as the API server gives it back. Errors name keys, never values.
func mergeStringData(secret map[string]any) *Error {
	data, err := mapping(secret, "data")
	if err != nil {
		return err
	}
	for _, key := range sortedKeys(data) {
		if data[key] == nil {
			data[key] = ""
			continue
		}
		text, ok := data[key].(string)
		if !ok {
			return fault(Invalid, "data of the Secret: the value of %s must be base64 text, not %s", quote(key), typeName(data[key]))
		}
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fault(Invalid, "data of the Secret: the value of %s is not base64; encode it, or put it under stringData", quote(key))
		}
		data[key] = base64.StdEncoding.EncodeToString(decoded)
	}
	stringData, err := mapping(secret, "stringData")
	if err != nil {
		return err
	}
	delete(secret, "stringData")
	if len(stringData) == 0 {
		return nil
	}
	if data == nil {
		data = make(map[string]any, len(stringData))
		secret["data"] = data
	}
	for _, key := range sortedKeys(stringData) {
		text, ok := stringData[key].(string)
		if !ok && stringData[key] != nil {
			return fault(Invalid, "stringData of the Secret: the value of %s must be text, not %s; put it in quotes", quote(key), typeName(stringData[key]))
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return nil
}

// mapping is a field of a Secret that holds a mapping; one that holds nothing is taken out.
func mapping(secret map[string]any, field string) (map[string]any, *Error) {
	if secret[field] == nil {
		delete(secret, field)
		return nil, nil
	}
	m, ok := secret[field].(map[string]any)
	if !ok {
		return nil, fault(Invalid, "%s of the Secret must be a mapping, not %s", field, typeName(secret[field]))
	}
	return m, nil
}
