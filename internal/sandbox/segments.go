package sandbox

import "strings"

// The characters of GSM 03.38 (3GPP TS 23.038): those of one septet and those of two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// segments returns in how many SMS a text goes: 160 septets in one or 153 in each of several, and 70 or 67 UTF-16 units
// when any character is not of GSM 03.38.
func segments(text string) int {
	septets, units, gsm := 0, 0, true
	for _, c := range text {
		units++
		if c > 0xffff {
			units++
		}
		switch {
		case strings.ContainsRune(gsmBasic, c):
			septets++
		case strings.ContainsRune(gsmExtended, c):
			septets += 2
		default:
			gsm = false
		}
	}
	if gsm {
		return parts(septets, 160, 153)
	}
	return parts(units, 70, 67)
}

func parts(n, single, each int) int {
	if n <= single {
		return 1
	}
	return (n + each - 1) / each
}
