package webhook

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

var signatureHeaders = []string{"X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature",
	"X-Gitlab-Token", "Webhook-Signature", "X-Signature", "X-Nopea-Token", "Authorization"}

func TestVerify(t *testing.T) {
	const secret = "correct horse battery staple"
	for _, s := range senders {
		p := provider(t, s.provider)
		for _, test := range []struct {
			name    string
			secret  string
			secrets []Secret
			change  func(*Delivery)
			want    error
			or      error // of who cannot tell a short header from none
		}{
			{name: "right", secret: secret, secrets: secretsOf(secret)},
			{name: "rotated, the new one", secret: secret, secrets: secretsOf("old", secret)},
			{name: "rotated, the old one", secret: "old", secrets: secretsOf("old", secret)},
			{name: "beside an empty one", secret: secret, secrets: secretsOf("", secret)},
			{name: "wrong", secret: "wrong", secrets: secretsOf(secret, "old"), want: ErrSignature},
			{name: "no secret", secret: secret, want: ErrUnsigned},
			{name: "an empty secret", secret: secret, secrets: secretsOf("", ""), want: ErrUnsigned},
			{name: "unsigned", secrets: secretsOf(secret), want: ErrUnsigned},
			{name: "unsigned, with an empty secret", secrets: secretsOf(""), want: ErrUnsigned},
			{name: "short header", secret: secret, secrets: secretsOf(secret), change: shortened, want: ErrSignature, or: ErrUnsigned},
		} {
			t.Run(s.provider+"/"+test.name, func(t *testing.T) {
				d := s.send(s.body, test.secret)
				if test.change != nil {
					test.change(d)
				}
				err := p.Verify(d, test.secrets, noon)
				if !errors.Is(err, test.want) && (test.or == nil || !errors.Is(err, test.or)) {
					t.Errorf("%v, want %v", err, test.want)
				}
			})
		}
		t.Run(s.provider+"/another body", func(t *testing.T) {
			d := s.send(s.body, secret)
			d.Body = append(d.Body, ' ')
			signed := d.Header.Get("X-Gitlab-Token") == "" && s.provider != "azure-devops"
			if err := p.Verify(d, secretsOf(secret), noon); signed != errors.Is(err, ErrSignature) {
				t.Errorf("%v", err)
			}
		})
	}
}

func shortened(d *Delivery) {
	for _, name := range signatureHeaders {
		if value := d.Header.Get(name); len(value) > 3 {
			d.Header.Set(name, value[:3])
		}
	}
}

// The example in GitHub's documentation of how to validate deliveries.
func TestVerifyKnownAnswerOfGitHub(t *testing.T) {
	d := &Delivery{Header: http.Header{}, Body: []byte("Hello, World!")}
	d.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	if err := (github{}).Verify(d, secretsOf("It's a Secret to Everybody"), noon); err != nil {
		t.Error(err)
	}
}

// The example in the specification of Standard Webhooks.
func TestVerifyKnownAnswerOfStandardWebhooks(t *testing.T) {
	d := &Delivery{Header: http.Header{}, Body: []byte(`{"test": 2432232314}`)}
	d.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	d.Header.Set("webhook-timestamp", "1614265330")
	d.Header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := (standard{}).Verify(d, secretsOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), time.Unix(1614265330, 0)); err != nil {
		t.Error(err)
	}
}

func TestVerifyNeverBySHA1(t *testing.T) {
	d := fromGitHub.send("Hello, World!", "")
	d.Header.Set("X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")
	if err := (github{}).Verify(d, secretsOf("It's a Secret to Everybody"), noon); !errors.Is(err, ErrUnsigned) {
		t.Error(err)
	}
	d.Header.Set("X-Hub-Signature-256", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")
	if err := (github{}).Verify(d, secretsOf("It's a Secret to Everybody"), noon); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

func TestVerifyStandardTime(t *testing.T) {
	d := fromStandard.send("{}", "s")
	for at, want := range map[time.Duration]error{0: nil, 5 * time.Minute: nil, -5 * time.Minute: nil,
		5*time.Minute + time.Second: ErrStale, -5*time.Minute - time.Second: ErrStale, 1e6 * time.Hour: ErrStale} {
		if err := (standard{}).Verify(d, secretsOf("s"), noon.Add(at)); !errors.Is(err, want) {
			t.Errorf("%v later: %v", at, err)
		}
		if err := (standard{}).Verify(d, secretsOf("wrong"), noon.Add(at)); !errors.Is(err, ErrSignature) {
			t.Errorf("%v later, with a wrong secret: %v", at, err)
		}
	}
	for _, sent := range []string{"x", "-1", "99999999999999999999", "1e9", " 1"} {
		d.Header.Set("webhook-timestamp", sent)
		signed := []byte("msg_1." + sent + ".{}")
		d.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, []byte("s"), signed)))
		if err := (standard{}).Verify(d, secretsOf("s"), noon); !errors.Is(err, ErrStale) {
			t.Errorf("timestamp %q: %v", sent, err)
		}
	}
}

func TestVerifyStandardSignatures(t *testing.T) {
	raw := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	d := fromStandard.send("{}", raw)
	right := d.Header.Get("webhook-signature")
	for header, want := range map[string]error{
		right: nil, "v1,AAAA v1a,AAAA " + right: nil, right + " v1,": nil, strings.Replace(right, "v1,", "v2,", 1): ErrSignature,
		"v1":     ErrSignature,
		"v1,%%%": ErrSignature, " ": ErrSignature, "": ErrUnsigned, strings.Repeat("v1,AAAA ", maxSignatures) + right: ErrSignature,
	} {
		d.Header.Set("webhook-signature", header)
		if err := (standard{}).Verify(d, secretsOf("x", raw), noon); !errors.Is(err, want) {
			t.Errorf("%q: %v", header, err)
		}
	}
	for _, name := range []string{"webhook-id", "webhook-timestamp"} {
		d := fromStandard.send("{}", raw)
		d.Header.Del(name)
		if err := (standard{}).Verify(d, secretsOf(raw), noon); !errors.Is(err, ErrUnsigned) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestStandardKey(t *testing.T) {
	for secret, want := range map[string]string{"whsec_aGVsbG8=": "hello", "whsec_aGVsbG8": "hello", "aGVsbG8=": "aGVsbG8=", "whsec_": "whsec_",
		"whsec_!": "whsec_!", "whsec_=": "whsec_="} {
		if got := string(standardKey(Secret(secret))); got != want {
			t.Errorf("%s is the key %q", secret, got)
		}
	}
}

func TestVerifyGitLabBoth(t *testing.T) {
	d := fromGitLabSigned.send("{}", "signing")
	d.Header.Set("X-Gitlab-Token", "token")
	for secret, want := range map[string]error{"signing": nil, "token": nil, "neither": ErrSignature} {
		if err := (gitlab{}).Verify(d, secretsOf(secret), noon); !errors.Is(err, want) {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func TestVerifyGenericSHA512(t *testing.T) {
	d := fromGeneric.send("{}", "")
	d.Header.Set("X-Signature", "sha512="+fmt.Sprintf("%x", mac(sha512.New, []byte("s"), d.Body)))
	if err := (generic{}).Verify(d, secretsOf("s"), noon); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"sha512=", "sha1=00", "sha512=" + hexMAC(d.Body, "s"), hexMAC(d.Body, "s")} {
		d.Header.Set("X-Signature", wrong)
		if err := (generic{}).Verify(d, secretsOf("s"), noon); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	data := map[string][]byte{"b": []byte("second\n"), "a": []byte("first\r\n"), "c": []byte("\n"), "d": nil,
		"e": []byte(strings.Repeat("x", MaxSecretLength)), "f": []byte(strings.Repeat("x", MaxSecretLength+1))}
	if got := Secrets(data); len(got) != 3 || string(got[0]) != "first" || string(got[1]) != "second" || len(got[2]) != MaxSecretLength {
		t.Errorf("%d secrets", len(got))
	}
	for i := range 20 {
		data["g"+strconv.Itoa(i)] = []byte("more")
	}
	if got := Secrets(data); len(got) != MaxSecrets {
		t.Errorf("%d secrets", len(got))
	}
}

func TestSecretsFor(t *testing.T) {
	data := map[string][]byte{"bitbucket": []byte("1"), "bitbucket.new": []byte("2"), "bitbucket-server": []byte("3"),
		"bitbucket-server.2": []byte("4"), "": []byte("5")}
	for name, want := range map[string]string{"bitbucket": "12", "bitbucket-server": "34", "github": "", "bit": ""} {
		got := ""
		for _, s := range SecretsFor(data, name) {
			got += string(s)
		}
		if got != want {
			t.Errorf("%s has %q", name, got)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%s", "%x", "%d", "%q", "%#v", "%+v"} {
		if got := fmt.Sprintf(verb, Secret("hidden")); got != "[secret]" {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, secretsOf("hidden")); strings.Contains(got, "hidden") || strings.Contains(got, "104") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
