package webhook

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// standard is whoever signs as Standard Webhooks say. The payload is that of generic, at the top or in "data".
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type standard struct{}

const (
	// tolerance in both directions, between the sender's clock and this one.
	tolerance = 5 * time.Minute
	// maxSignatures is how many signatures of one delivery are looked at. A sender gives several while it changes its secret.
	maxSignatures = 16
)

func (standard) Name() string { return "standard" }

func (standard) Recognises(d *Delivery) bool {
	return d.Header.Get("Webhook-Signature") != ""
}

func (standard) Verify(d *Delivery, secrets []Secret, now time.Time) error {
	return verifyStandard(d, secrets, now)
}

func (standard) URLs(d *Delivery) ([]string, error) {
	if empty(d.Body) {
		return nil, nil
	}
	var r genericRepository
	var data struct {
		Repository genericRepository `json:"repository"`
	}
	if err := fields(d.Body, map[string]any{"repository": &r, "data": &data}); err != nil {
		return nil, err
	}
	return distinct(append(r.urls(), data.Repository.urls()...)...), nil
}

// Parse takes every event for a push, but for a ping: whoever sends here does so to have a look taken.
func (s standard) Parse(d *Delivery) (*Event, error) {
	var b struct {
		Type string      `json:"type"`
		Data genericBody `json:"data"`
		genericBody
	}
	if !empty(d.Body) {
		if err := decode(d.Body, &b); err != nil {
			return nil, err
		}
	}
	e, err := newEvent(s, d, cmp.Or(b.Type, "push"), d.Header.Get("Webhook-Id"))
	if err != nil {
		return nil, err
	}
	switch {
	case b.Type == "ping":
		e.Kind = Ping
		return e, nil
	case b.Ref == "":
		return b.Data.event(e)
	}
	return b.event(e)
}

// verifyStandard checks the signature before the time, so that ErrStale is only said of what was rightly signed.
func verifyStandard(d *Delivery, secrets []Secret, now time.Time) error {
	id, sent, signatures := d.Header.Get("Webhook-Id"), d.Header.Get("Webhook-Timestamp"), d.Header.Get("Webhook-Signature")
	if id == "" || sent == "" || signatures == "" {
		return ErrUnsigned
	}
	sums := standardSums(signatures)
	err := anyOf(secrets, func(s Secret) bool {
		wanted := mac(sha256.New, standardKey(s), []byte(id), []byte{'.'}, []byte(sent), []byte{'.'}, d.Body)
		found := false
		for _, sum := range sums {
			if hmac.Equal(sum, wanted) {
				found = true
			}
		}
		return found
	})
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseUint(sent, 10, 40)
	if err != nil || now.Sub(time.Unix(int64(seconds), 0)).Abs() > tolerance {
		return ErrStale
	}
	return nil
}

// standardSums are the symmetric signatures of a header, "v1,<base64>", among others that are separated by spaces.
func standardSums(header string) [][]byte {
	var sums [][]byte
	for signature := range strings.FieldsSeq(header) {
		encoded, ok := strings.CutPrefix(signature, "v1,")
		if !ok || len(sums) == maxSignatures {
			continue
		}
		if sum, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			sums = append(sums, sum)
		}
	}
	return sums
}

// standardKey is what comes after "whsec_", decoded, with or without padding; any other secret is the key itself.
func standardKey(s Secret) []byte {
	encoded, ok := strings.CutPrefix(string(s), "whsec_")
	if !ok {
		return s
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || len(key) == 0 {
		return s
	}
	return key
}
