package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"switchboard/internal/id"
)

const (
	keyPrefix       = "sbk_" // a key: sbk_<id>_<secret>
	tokenPrefix     = "sbt_" // a token: sbt_<secret>
	userTokenPrefix = "sbu_" // a token of a user: sbu_<secret>
)

// newSecret returns 26 letters and digits with 130 random bits, too many to guess; so a plain hash is enough to store it.
func newSecret() string { return rand.Text() }

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func keyText(key id.ID, secret string) string { return keyPrefix + key.Short() + "_" + secret }

// parseKey splits the text of a key.
func parseKey(text string) (key id.ID, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	if !ok {
		return id.Nil, "", false
	}
	short, secret, ok := strings.Cut(rest, "_")
	if !ok || secret == "" || len(secret) > 128 {
		return id.Nil, "", false
	}
	key, err := id.ParseShort(short)
	return key, secret, err == nil
}

// BasicSecret makes the secret of an HTTP Basic pair: the user name is a key's id and the password its secret, or the
// password alone is a whole key or token.
func BasicSecret(user, password string) string {
	for _, prefix := range []string{keyPrefix, tokenPrefix, userTokenPrefix} {
		if strings.HasPrefix(password, prefix) {
			return password
		}
	}
	key, err := id.ParseShort(user)
	if err != nil {
		if key, err = id.Parse(user); err != nil {
			return password // opens nothing, and is told so in the one way
		}
	}
	return keyText(key, password)
}
