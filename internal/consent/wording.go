package consent

import (
	"strings"
)

// maxText is the longest text that gateways take, in characters.
const maxText = 1600

// wording is what a language says where an organization has no words of its own. %s is the organization.
type wording struct {
	messages                 Messages
	stopped, restarted, help string
}

func inEnglish() wording {
	return wording{
		messages: Messages{
			Initial: "%s would like to send you text messages. Reply YES to agree or STOP to refuse. Reply HELP for help. " +
				"Message and data rates may apply.",
			Accept:          "%s: thank you. You will get our messages here. Reply HELP for help, STOP to get no more.",
			InvalidResponse: "%s: we did not understand that. Reply YES to get our messages, or STOP to get none.",
		},
		stopped:   "%s: you will get no more messages from this number. Reply START to get them again.",
		restarted: "%s: you will get messages from this number again. Reply HELP for help, STOP to get no more.",
		help:      "%s: this number sends you messages. Reply STOP to get no more, START to get them again. Message and data rates may apply.",
	}
}

func inSpanish() wording {
	return wording{
		messages: Messages{
			Initial: "%s desea enviarle mensajes de texto. Responda SI para aceptar o STOP para rechazar. Responda AYUDA para ayuda. " +
				"Pueden aplicarse tarifas de mensajes y datos.",
			Accept:          "%s: gracias. Recibirá nuestros mensajes aquí. Responda AYUDA para ayuda, STOP para no recibir más.",
			InvalidResponse: "%s: no entendimos su respuesta. Responda SI para recibir nuestros mensajes o STOP para no recibirlos.",
		},
		stopped:   "%s: no recibirá más mensajes de este número. Responda START para volver a recibirlos.",
		restarted: "%s: volverá a recibir mensajes de este número. Responda AYUDA para ayuda, STOP para no recibir más.",
		help: "%s: este número le envía mensajes. Responda STOP para no recibir más, START para volver a recibirlos. " +
			"Pueden aplicarse tarifas de mensajes y datos.",
	}
}

// wordingIn returns the words of a language, English where there are none.
func wordingIn(language string) wording {
	if strings.HasPrefix(strings.ToLower(language), "es") {
		return inSpanish()
	}
	return inEnglish()
}

// named puts the name of an organization into a text of ours.
func named(text, organization string) string { return strings.Replace(text, "%s", organization, 1) }

// or fills in what an organization has not worded.
func (m Messages) or(w wording, organization string) Messages {
	fill := func(own, ours string) string {
		if strings.TrimSpace(own) != "" {
			return own
		}
		return named(ours, organization)
	}
	return Messages{
		Initial: fill(m.Initial, w.messages.Initial), Accept: fill(m.Accept, w.messages.Accept),
		InvalidResponse: fill(m.InvalidResponse, w.messages.InvalidResponse),
	}
}

// say words an answer about a number.
func (w wording) say(a Answer, organization string) string {
	texts := map[Answer]string{AnswerStopped: w.stopped, AnswerRestarted: w.restarted, AnswerHelp: w.help}
	return named(texts[a], organization)
}
