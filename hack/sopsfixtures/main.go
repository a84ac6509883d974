// sopsfixtures writes the files that the tests of pkg/sops decrypt, with SOPS' own packages:
//
//	go run . ../../pkg/sops/testdata
//
// It is a module of its own, because those packages come with the SDKs of all cloud providers. The keys are made anew each time, for
// nothing but these files. Beside each encrypted file stands what sops --decrypt gives of it, under testdata/plain.
package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	fage "filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/pgp"
	"github.com/getsops/sops/v3/shamir"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: sopsfixtures FOLDER")
	}
	folder := os.Args[1]
	must(os.MkdirAll(filepath.Join(folder, "plain"), 0o755))
	people := newPeople(folder)
	for _, fixture := range fixtures {
		encrypted, plain := fixture.encrypt(people)
		write(filepath.Join(folder, fixture.name), encrypted)
		write(filepath.Join(folder, "plain", fixture.name), plain)
	}
}

// people are the recipients of the files.
type people struct {
	age, quantum, stranger string
	pgp, ring              string
}

func newPeople(folder string) people {
	const note = "# A key of nobody, made for the tests of this folder.\n"
	x25519 := value(fage.GenerateX25519Identity())
	write(filepath.Join(folder, "keys.agekey"), []byte(note+x25519.String()+"\n"))
	hybrid := value(fage.GenerateHybridIdentity())
	write(filepath.Join(folder, "quantum.agekey"), []byte(note+hybrid.String()+"\n"))
	stranger := value(fage.GenerateX25519Identity())

	entity := value(openpgp.NewEntity("Nobody", "made for tests", "nobody@example.com", nil))
	var private bytes.Buffer
	armored := value(armor.Encode(&private, openpgp.PrivateKeyType, nil))
	must(entity.SerializePrivate(armored, nil))
	must(armored.Close())
	write(filepath.Join(folder, "keys.asc"), append(private.Bytes(), '\n'))
	ring := filepath.Join(value(os.MkdirTemp("", "")), "pubring.gpg")
	var public bytes.Buffer
	must(entity.Serialize(&public))
	write(ring, public.Bytes())
	return people{
		age: x25519.Recipient().String(), quantum: hybrid.Recipient().String(), stranger: stranger.Recipient().String(),
		pgp: fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint), ring: ring,
	}
}

// fixture is one file.
type fixture struct {
	name   string
	store  sops.Store
	plain  string
	groups func(people) []sops.KeyGroup
	change func(*sops.Metadata)
}

func (f fixture) encrypt(people people) (encrypted, plain []byte) {
	branches := value(f.store.LoadPlainFile([]byte(f.plain)))
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		Version: "3.13.3", UnencryptedSuffix: sops.DefaultUnencryptedSuffix, KeyGroups: f.groups(people),
	}}
	if f.change != nil {
		f.change(&tree.Metadata)
	}
	key := make([]byte, 32)
	value(rand.Read(key))
	parts := [][]byte{key}
	if len(tree.Metadata.KeyGroups) > 1 {
		parts = value(shamir.Split(key, len(tree.Metadata.KeyGroups), tree.Metadata.ShamirThreshold))
	}
	for i, group := range tree.Metadata.KeyGroups {
		for _, recipient := range group {
			if cloud, is := recipient.(*kms.MasterKey); is {
				cloud.EncryptedKey = "AQICAHhnb25l"
				continue
			}
			must(recipient.Encrypt(parts[i]))
		}
	}
	cipher := aes.NewCipher()
	mac := value(tree.Encrypt(key, cipher))
	tree.Metadata.LastModified = time.Now().UTC()
	tree.Metadata.MessageAuthenticationCode = value(cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339)))
	encrypted = value(f.store.EmitEncryptedFile(tree))

	tree = value(f.store.LoadEncryptedFile(encrypted))
	if got := value(tree.Decrypt(key, cipher)); got != mac {
		log.Fatalf("%s: MAC %s instead of %s", f.name, got, mac)
	}
	return encrypted, value(f.store.EmitPlainFile(tree.Branches))
}

var (
	stores     = config.NewStoresConfig()
	yamlStore  = yaml.NewStore(&stores.YAML)
	jsonStore  = json.NewStore(&stores.JSON)
	dotenvs    = dotenv.NewStore(&stores.Dotenv)
	inis       = ini.NewStore(&stores.INI)
	binaries   = json.NewBinaryStore(&stores.JSONBinary)
	onlyData   = func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "^(data|stringData)$" }
	awsKey     = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
	forAge     = func(p people) []sops.KeyGroup { return []sops.KeyGroup{{ageKey(p.age)}} }
	forPGP     = func(p people) []sops.KeyGroup { return []sops.KeyGroup{{p.pgpKey()}} }
	forCloud   = func(people) []sops.KeyGroup { return []sops.KeyGroup{{kms.NewMasterKey(awsKey, "", nil)}} }
	forQuantum = func(p people) []sops.KeyGroup { return []sops.KeyGroup{{ageKey(p.quantum)}} }
	forOthers  = func(p people) []sops.KeyGroup { return []sops.KeyGroup{{ageKey(p.stranger)}} }
	forBoth    = func(p people) []sops.KeyGroup {
		return []sops.KeyGroup{{kms.NewMasterKey(awsKey, "", nil), ageKey(p.stranger), ageKey(p.age)}}
	}
	inGroups = func(p people) []sops.KeyGroup {
		return []sops.KeyGroup{{kms.NewMasterKey(awsKey, "", nil)}, {ageKey(p.age)}, {p.pgpKey()}}
	}
)

func ageKey(recipient string) keys.MasterKey { return value(age.MasterKeyFromRecipient(recipient)) }

func (p people) pgpKey() keys.MasterKey {
	key := pgp.NewMasterKeyFromFingerprint(p.pgp)
	pgp.PubRing(p.ring).ApplyToMasterKey(key)
	return key
}

const secret = `apiVersion: v1
kind: Secret
metadata:
    name: database
    labels:
        app: shop
stringData:
    # who logs in
    username: shop
    password: correct horse battery staple # changed in May
    empty: ""
    config.ini: |
        [server]
        port = 5432
`

const configMap = `apiVersion: v1
kind: ConfigMap
metadata:
    name: settings
data:
    greeting: hello from the vault
    retries: "3"
`

// refused is what no API server takes, for a reason that quotes a value.
const refused = `apiVersion: v1
kind: Service
metadata:
    name: refused
spec:
    type: TopSecretValue
    ports:
        - port: 80
`

const everything = `apiVersion: example.com/v1
kind: Thing
metadata:
    name: thing
    annotations_unencrypted:
        note: "plain"
        count: 3
spec:
    text: some text
    number: 42
    negative: -7
    ratio: 1.5
    tiny: 1e-07
    whole: 3.0
    "yes": true
    no: false
    nothing: null
    empty: ""
    when: 2024-05-06T07:08:09Z
    lines: |
        one
        two
    spaces: "  led and trailed  "
    tricky: "a: b # c"
    looks: "0123"
    bool-like: "yes"
    umlaut: grüße 日本
    list:
        - first
        # about the second
        - second
        - - nested
          - 1
        - name: x
          value: y
    emptylist: []
    emptymap: {}
`

var fixtures = []fixture{
	{name: "secret.yaml", store: yamlStore, plain: secret, groups: forAge, change: onlyData},
	{name: "configmap.yaml", store: yamlStore, plain: configMap, groups: forPGP, change: onlyData},
	{name: "refused.yaml", store: yamlStore, plain: refused, groups: forAge, change: func(m *sops.Metadata) {
		m.UnencryptedSuffix, m.EncryptedRegex = "", "^spec$"
	}},
	{name: "everything.yaml", store: yamlStore, plain: everything, groups: forAge},
	{name: "several.yaml", store: yamlStore, plain: secret + "---\n" + configMap, groups: forAge, change: onlyData},
	{name: "onlyencrypted.yaml", store: yamlStore, plain: secret, groups: forAge, change: func(m *sops.Metadata) {
		onlyData(m)
		m.MACOnlyEncrypted = true
	}},
	{name: "cloud.yaml", store: yamlStore, plain: secret, groups: forCloud, change: onlyData},
	{name: "stranger.yaml", store: yamlStore, plain: secret, groups: forOthers, change: onlyData},
	{name: "both.yaml", store: yamlStore, plain: secret, groups: forBoth, change: onlyData},
	{name: "groups.yaml", store: yamlStore, plain: secret, groups: inGroups, change: func(m *sops.Metadata) {
		onlyData(m)
		m.ShamirThreshold = 2
	}},
	{name: "allgroups.yaml", store: yamlStore, plain: secret, groups: inGroups, change: func(m *sops.Metadata) {
		onlyData(m)
		m.ShamirThreshold = 3
	}},
	{name: "quantum.yaml", store: yamlStore, plain: secret, groups: forQuantum, change: onlyData},
	{name: "object.json", store: jsonStore, groups: forAge,
		plain: `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"json"},"number":12345678901,"ratio":0.25,"on":true,"none":null,` +
			`"list":["a",1,{"b":"c"}],"stringData":{"token":"<a&b>"}}`},
	{name: "app.env", store: dotenvs, groups: forAge, plain: "# the database\nUSER=shop\nPASSWORD=a=b c\nLINES=one\\ntwo\nEMPTY=\nPLAIN_unencrypted=seen\n"},
	{name: "app.ini", store: inis, groups: forAge, plain: "[server]\nport = 5432\nuser = shop\n\n[client]\ntoken = a;b\nseen_unencrypted = yes\n"},
	{name: "blob.bin", store: binaries, groups: forAge, plain: "any\ncontent {\n\"of\": a file\n"},
}

func write(file string, data []byte) {
	must(os.WriteFile(file, data, 0o644))
	fmt.Println(strings.TrimSpace(file))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func value[T any](v T, err error) T {
	must(err)
	return v
}
