package gitrepository

import (
	"os"
	"strings"
	"testing"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/sops"
)

func TestHashOfEncryptedObjectsIsSalted(t *testing.T) {
	plain, encrypted := &apply.Desired{Body: []byte(`{"a":"b"}`)}, &apply.Desired{Body: []byte(`{"a":"b"}`), Confidential: true}
	if hashOf(plain, []byte("x")) != hashOf(plain, nil) {
		t.Error("the hash of a plain object goes by keys")
	}
	if hashOf(encrypted, []byte("x")) == hashOf(encrypted, []byte("y")) || hashOf(encrypted, []byte("x")) == hashOf(plain, nil) {
		t.Error("the hash of an encrypted object does not go by keys")
	}
	if again := hashOf(encrypted, []byte("x")); again != hashOf(encrypted, []byte("x")) {
		t.Error("the hash differs from one time to the next")
	}
}

// What is decrypted must not lie in a cache under the hash of the encrypted file, which others may hold.
func TestDecryptedFilesAreNotCached(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile("../../sops/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	keys, err := sops.ParseKeys(map[string][]byte{"a.agekey": read("keys.agekey")})
	if err != nil {
		t.Fatal(err)
	}
	tree := &commitTree{keys: keys}
	plain, err := tree.open(t.Context(), git.File{Path: "plain.yaml", Data: []byte("a: b"), Hash: "1"})
	if err != nil || plain.Hash != "1" || plain.Encrypted || tree.encrypted {
		t.Errorf("a plain file: %+v, %v", plain, err)
	}
	secret, err := tree.open(t.Context(), git.File{Path: "secret.yaml", Data: read("secret.yaml"), Hash: "2"})
	if err != nil || secret.Hash != "" || !secret.Encrypted || !tree.encrypted || !strings.Contains(string(secret.Data), "correct horse") {
		t.Errorf("an encrypted file: %+v, %v", secret, err)
	}
}

func TestExplainDecryption(t *testing.T) {
	for code, stalled := range map[sops.Code]bool{sops.NoKey: false, sops.CloudKey: true, sops.Damaged: true} {
		failure := explain(&sops.Error{File: "a.yaml", Code: code, Message: "why", Hint: "Do this."}, repository(1))
		if failure.Code != CodeDecryptionFailed || failure.Stalled != stalled || failure.Message != "a.yaml: why" || !strings.HasSuffix(failure.Hint, "Do this.") {
			t.Errorf("%s: %+v", code, failure)
		}
	}
}
