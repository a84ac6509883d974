package health

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TraceOf reads what the metadata of an object of a group show of its status, to tell that a write cannot have changed the object's health.
// Fields digests who holds those fields of the status that the health is told from, and when they were written; zero where nobody holds
// any. It means nothing to another process. Aside is set if none of them was written in the second of the latest write.
//
// The API server sets the time of a manager's entry, in whole seconds, whenever a write of that manager changed a value, and takes a field
// that is gone out of every entry that held it (KEP-555). So of two versions of an object whose fields are the same, the later of which
// was written aside, nothing differs that the health is told from, as long as every version between them was compared so.
func TraceOf(group string, managed []metav1.ManagedFieldsEntry) (fields uint32, aside bool) {
	var hash maphash.Hash
	hash.SetSeed(traceSeed)
	var latest, told int64
	held := false
	for i := range managed {
		entry := &managed[i]
		var written int64
		if entry.Time != nil {
			written = entry.Time.Unix()
		}
		latest = max(latest, written)
		if entry.FieldsV1 == nil || !bytes.Contains(entry.FieldsV1.GetRawBytes(), statusKey) {
			continue
		}
		if !tells(group, entry.FieldsV1.GetRawBytes()) {
			continue
		}
		held = true
		for _, part := range [...]string{entry.Manager, string(entry.Operation), entry.Subresource} {
			_, _ = hash.WriteString(part)
			_ = hash.WriteByte(0)
		}
		_, _ = hash.Write(entry.FieldsV1.GetRawBytes())
		var seconds [8]byte
		binary.LittleEndian.PutUint64(seconds[:], uint64(written))
		_, _ = hash.Write(seconds[:])
		told = max(told, written)
	}
	if held {
		fields = uint32(hash.Sum64())
	}
	return fields, told < latest
}

var (
	traceSeed = maphash.MakeSeed()
	statusKey = []byte(`"f:status"`)
)

// telling are the types of conditions from which the health of an object of some kind is told.
var telling = map[string]bool{
	"Ready": true, "Reconciling": true, "Stalled": true, // of any kind
	"Available": true, "Progressing": true, "ReplicaFailure": true,
	"PodScheduled": true, "Initialized": true, "ContainersReady": true,
	"Complete": true, "Failed": true, "Suspended": true, "FailureTarget": true, "SuccessCriteriaMet": true,
	"NamesAccepted": true, "Established": true,
}

// tells whether a health is told from any of the fields: from all of a status but conditions of other types, and of a custom resource from
// these conditions and the observed generation alone. What cannot be read counts as telling.
func tells(group string, fields []byte) bool {
	var inStatus, inConditions, whole, found bool
	ok := eachKey(fields, func(depth int, key []byte) {
		switch {
		case depth == 1:
			inStatus, inConditions = string(key) == "f:status", false
		case !inStatus || string(key) == ".":
		case depth == 2:
			found = found || whole
			inConditions = string(key) == "f:conditions"
			whole = inConditions
			found = found || !inConditions && (string(key) == "f:observedGeneration" || !Custom(group))
		case depth == 3 && inConditions:
			whole = false
			found = found || conditionTells(key)
		}
	})
	return found || whole || !ok
}

// conditionTells reads the key of a condition, k:{"type":"Ready"}, with its quotes escaped as they stand in JSON.
func conditionTells(key []byte) bool {
	name, isKey := bytes.CutPrefix(key, []byte(`k:{\"type\":\"`))
	name, ends := bytes.CutSuffix(name, []byte(`\"}`))
	return !isKey || !ends || bytes.ContainsAny(name, `\"`) || telling[string(name)]
}

// eachKey goes through fields in the FieldsV1 format, where every string is a key, with how deep it stands. It returns false if they are not
// in that format.
func eachKey(fields []byte, seen func(depth int, key []byte)) bool {
	depth := 0
	for i := 0; i < len(fields); i++ {
		switch fields[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '"':
			end := i + 1
			for end < len(fields) && fields[end] != '"' {
				if fields[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(fields) {
				return false
			}
			seen(depth, fields[i+1:end])
			i = end
		case ':', ',', ' ', '\n':
		default:
			return false
		}
	}
	return depth == 0
}
