package sops

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files of testdata were made by SOPS' own packages; see hack/sopsfixtures. Under testdata/plain is what they decrypt to there.

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keysOf are keys of testdata.
func keysOf(t testing.TB, names ...string) *Keys {
	t.Helper()
	data := map[string][]byte{"unrelated": []byte("x")}
	for _, name := range names {
		data[name] = read(t, name)
	}
	keys, err := ParseKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func allKeys(t testing.TB) *Keys { return keysOf(t, "keys.agekey", "keys.asc", "quantum.agekey") }

func TestDecryptsWhatSOPSEncrypts(t *testing.T) {
	keys := allKeys(t)
	for _, name := range []string{
		"secret.yaml", "configmap.yaml", "everything.yaml", "several.yaml", "onlyencrypted.yaml", "both.yaml", "groups.yaml",
		"quantum.yaml", "refused.yaml", "object.json", "app.env", "app.ini", "blob.bin",
	} {
		t.Run(name, func(t *testing.T) {
			data := read(t, name)
			before := string(data)
			plain, encrypted, err := Decrypt(t.Context(), "app/"+name, data, keys)
			if err != nil || !encrypted {
				t.Fatalf("encrypted %v, error %v", encrypted, err)
			}
			if diff := cmp.Diff(string(read(t, "plain/"+name)), string(plain)); diff != "" {
				t.Errorf("differs from what SOPS gives (-SOPS +got):\n%s", diff)
			}
			if string(data) != before {
				t.Error("the data given was changed")
			}
		})
	}
}

// faultOf is the error of decrypting.
func faultOf(t *testing.T, name string, data []byte, keys *Keys) *Error {
	t.Helper()
	plain, encrypted, err := Decrypt(t.Context(), "app/"+name, data, keys)
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatalf("no error of this package: %v", err)
	}
	if plain != nil || encrypted {
		t.Error("something came back beside the error")
	}
	if fault.File != "app/"+name || fault.Hint == "" {
		t.Errorf("error without file or hint: %#v", fault)
	}
	return fault
}

func TestSaysWhyNot(t *testing.T) {
	age, all := keysOf(t, "keys.agekey"), allKeys(t)
	for name, test := range map[string]struct {
		keys *Keys
		code Code
		says []string
	}{
		"secret.yaml":    {nil, NoKey, []string{"encrypted with SOPS for age age1", "spec.decryption names no Secret"}},
		"configmap.yaml": {age, NoKey, []string{"for OpenPGP ", "none of the decryption keys"}},
		"cloud.yaml":     {all, CloudKey, []string{"AWS KMS (kms) alone"}},
		"stranger.yaml":  {all, NoKey, []string{"for age age1", "none of the decryption keys"}},
		"both.yaml":      {keysOf(t, "keys.asc"), NoKey, []string{"and for AWS KMS (kms), which NOPEA does not call"}},
		"groups.yaml":    {age, NoKey, []string{"3 groups of which 2 are needed", "open 1"}},
		"allgroups.yaml": {all, NoKey, []string{"3 groups of which 3 are needed", "open 2"}},
		"app.env":        {nil, NoKey, []string{"for age age1"}},
		"app.ini":        {nil, NoKey, []string{"for age age1"}},
		"blob.bin":       {nil, NoKey, []string{"for age age1"}},
		"object.json":    {nil, NoKey, []string{"for age age1"}},
	} {
		t.Run(name, func(t *testing.T) {
			fault := faultOf(t, name, read(t, name), test.keys)
			if fault.Code != test.code {
				t.Errorf("code %s instead of %s", fault.Code, test.code)
			}
			for _, part := range test.says {
				if !strings.Contains(fault.Error(), part) {
					t.Errorf("%q does not say %q", fault, part)
				}
			}
		})
	}
}

func TestSeesChanges(t *testing.T) {
	keys := allKeys(t)
	line := func(data, field string) string {
		for line := range strings.Lines(data) {
			if strings.HasPrefix(strings.TrimSpace(line), field+":") {
				return line
			}
		}
		t.Fatalf("no line of %s", field)
		return ""
	}
	value := func(line string) string {
		_, encrypted, _ := strings.Cut(line, "ENC[")
		return "ENC[" + encrypted
	}
	for name, test := range map[string]struct {
		file   string
		change func(string) string
	}{
		"plain value": {"secret.yaml", func(s string) string { return strings.Replace(s, "app: shop", "app: other", 1) }},
		"plain value added": {"secret.yaml", func(s string) string {
			return strings.Replace(s, "app: shop", "app: shop\n        x: y", 1)
		}},
		"value removed": {"secret.yaml", func(s string) string { return strings.Replace(s, line(s, "username"), "", 1) }},
		"encrypted value removed, where only those count": {"onlyencrypted.yaml", func(s string) string {
			return strings.Replace(s, line(s, "username"), "", 1)
		}},
		"values swapped": {"secret.yaml", func(s string) string {
			user, text := value(line(s, "username")), value(line(s, "config.ini"))
			s = strings.Replace(s, user, "@", 1)
			return strings.Replace(strings.Replace(s, text, user, 1), "@", text, 1)
		}},
		"key renamed":       {"secret.yaml", func(s string) string { return strings.Replace(s, "username:", "login:", 1) }},
		"encrypted to text": {"secret.yaml", func(s string) string { return strings.Replace(s, value(line(s, "username")), "root\n", 1) }},
		"document left out": {"several.yaml", func(s string) string { return s[:strings.Index(s, "\n---\n")+1] }},
		"scope of the MAC": {"secret.yaml", func(s string) string {
			return strings.Replace(s, "sops:\n", "sops:\n    mac_only_encrypted: true\n", 1)
		}},
		"no MAC":          {"secret.yaml", func(s string) string { return strings.Replace(s, value(line(s, "mac")), "\"\" # ENC[AES256_GCM,\n", 1) }},
		"value of dotenv": {"app.env", func(s string) string { return strings.Replace(s, "=seen", "=other", 1) }},
		"value of INI":    {"app.ini", func(s string) string { return strings.Replace(s, "= yes", "= no", 1) }},
		"value of JSON":   {"object.json", func(s string) string { return strings.Replace(s, `"none": null`, `"none": 1`, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			before := string(read(t, test.file))
			after := test.change(before)
			if after == before {
				t.Fatal("nothing was changed")
			}
			if fault := faultOf(t, test.file, []byte(after), keys); fault.Code != Damaged {
				t.Errorf("code %s: %v", fault.Code, fault)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	keys := allKeys(t)
	secret := string(read(t, "secret.yaml"))
	for name, test := range map[string]struct {
		data string
		code Code
	}{
		"alias":         {strings.Replace(secret, "app: shop", "app: &a shop\n        x: *a", 1), Malformed},
		"number as key": {strings.Replace(secret, "app: shop", "1: shop", 1), Malformed},
		"no time":       {strings.Replace(secret, "lastmodified: \"", "lastmodified: \"x", 1), Malformed},
		"no recipient":  {strings.Replace(secret, "    age:\n", "    aged:\n", 1), Malformed},
		"deep":          {strings.Replace(secret, "app: shop", "app: "+strings.Repeat("[", 300)+strings.Repeat("]", 300), 1), TooLarge},
		"many values":   {strings.Replace(secret, "app: shop", "app: ["+strings.Repeat(",", 8*maxValues)+"]", 1), TooLarge},
		"large":         {secret + "#" + strings.Repeat("x", maxBytes), TooLarge},
		"wrong data key": {strings.Replace(secret, "BEGIN AGE ENCRYPTED FILE-----\n            ", "BEGIN AGE ENCRYPTED FILE-----\n            AAAA", 1),
			Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			if test.data == secret {
				t.Fatal("nothing was changed")
			}
			if fault := faultOf(t, "secret.yaml", []byte(test.data), keys); fault.Code != test.code {
				t.Errorf("code %s: %v", fault.Code, fault)
			}
		})
	}
}

// A broken file is an error here, as it may go into a Secret as it is.
func TestRefusesBrokenFiles(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml": string(read(t, "secret.yaml")) + "x: [\n", "b.json": string(read(t, "object.json")) + "x", "c.bin": strings.TrimRight(string(read(t, "blob.bin")), "}\n"),
		"d.json": `{"sops": {"mac": "ENC[AES256_GCM,"`, "e.ini": string(read(t, "app.ini")) + "[x\n", "f.env": string(read(t, "app.env")) + "x\n",
	} {
		if fault := faultOf(t, name, []byte(text), allKeys(t)); fault.Code != Malformed {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

func TestLeavesPlainFilesAlone(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {doc: 'about sops and ENC[AES256_GCM,'}\n",
		"b.yaml":   "a: [\n# sops ENC[AES256_GCM,\n",
		"c.yaml":   "sops: {version: 1}\nx: ENC[AES256_GCM,data]\n",
		"d.json":   `{"sops": [], "x": "ENC[AES256_GCM,"}`,
		"f.md":     "Files of sops look like this: ENC[AES256_GCM,…\n",
		"g.env":    "A=sops ENC[AES256_GCM,\n",
		"h.txt":    "[sops] ENC[AES256_GCM,\n[sops\n",
		"empty":    "",
		"bin":      "\x00\xff sops ENC[AES256_GCM,",
		"list.yml": "- sops: {mac: 'ENC[AES256_GCM,'}\n",
	} {
		plain, encrypted, err := Decrypt(t.Context(), name, []byte(text), nil)
		if err != nil || encrypted || string(plain) != text {
			t.Errorf("%s: %q, encrypted %v, error %v", name, plain, encrypted, err)
		}
	}
}

// Files that were encrypted one by one may be put together, also with plain ones.
func TestDecryptsFilesPutTogether(t *testing.T) {
	const plain = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: plain\n"
	data := plain + "---\n" + string(read(t, "secret.yaml")) + "---\n" + string(read(t, "configmap.yaml"))
	got, encrypted, err := Decrypt(t.Context(), "all.yaml", []byte(data), allKeys(t))
	if err != nil || !encrypted {
		t.Fatalf("encrypted %v, error %v", encrypted, err)
	}
	want := plain + "---\n" + string(read(t, "plain/secret.yaml")) + "---\n" + string(read(t, "plain/configmap.yaml"))
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Decrypt(ctx, "secret.yaml", read(t, "secret.yaml"), allKeys(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
