"""Questions about the made-up news of sample_grammar.py: for each frame, which slot is asked for and how.

`QUESTIONS[frame][slot]` are wordings; {slot} in them stands for another slot's words and tells the event from others of its
kind, [a|b] is a choice, as in the grammar's sentences.
"""

QUESTIONS = {
    "results": {
        "pct": ["By how much did {what} at {who} change?", "By what percentage did the {what} of {who} change?"],
        "cash": ["[How high|How large] was the {what} of {who}?", "What did {who} report as {what}?"],
        "who": ["Which company reported {what} of {cash}?", "Whose {what} {move.past} {pct}?"],
    },
    "takeover": {
        "whom": ["Which company will {who} [buy|acquire|take over]?", "What is {who} [buying|paying {cash} for]?"],
        "who": ["Who [will buy|is buying|will take over|will acquire] {whom}?", "Which company is the buyer of {whom}?"],
        "cash": ["How much [is {who} paying|will {who} pay] for {whom}?", "What is the price of {whom}?"],
    },
    "layoffs": {
        "n": ["How many [jobs|workers] will {who} cut in {where}?", "How many people lose their jobs at {who}?"],
        "where": ["Where will {who} cut {n} jobs?", "In which [place|town] is the [plant|factory] of {who}?"],
        "who": ["Which company will cut {n} jobs?", "Who will [lay off|dismiss] workers in {where}?"],
    },
    "crash": {
        "n": ["How many people {harm.active} [near|outside] {where}?", "How many were {harm.passive} in the {thing} accident?"],
        "where": ["Where did the {thing} [crash|overturn]?", "Near which town {harm.active} {n} people?"],
        "day": ["[When|On which day] did the {thing} [crash|overturn] near {where}?"],
    },
    "sentence": {
        "n": ["How many years will {who.last} spend in prison?", "For how long was {who.last} sent to [jail|prison]?"],
        "crime": ["What was {who.last} [sentenced|convicted] for?", "For what [crime|offence] must {who.last} go to [jail|prison]?"],
        "who": ["Who was sentenced for {crime}?", "Who must spend {n} years in prison?"],
    },
    "verdict": {
        "crime": ["Of what was {who.last} {guilt.past}?", "What [crime|offence] was {who.last} tried for?"],
        "who": ["Who was {guilt.past} of {crime}?", "Who was on trial in {where}?"],
        "where": ["Where was the trial of {who.last}?", "From which [place|town] was the jury that {guilt.past} {who.last}?"],
    },
    "vote": {
        "what": ["What did {who} [vote on|decide about] in {where}?", "What is planned in {where}?"],
        "where": ["Where would the {what} be [built|constructed]?", "For which [place|town] is the {what} planned?"],
        "cash": ["How much would the {what} in {where} cost?"],
    },
    "storm": {
        "n": ["How many [homes|households] in {where} were without {lack}?", "How many [homes|households] lost {lack}?"],
        "where": ["Where did the {what} [hit|strike]?", "Which [place|town] was hit by a {what}?"],
        "what": ["What [hit|struck] {where}?", "Why did {n} homes in {where} have no {lack}?"],
    },
    "match": {
        "whom": ["Whom did {who} [beat|defeat]?", "Against whom did {who} win?"],
        "who": ["Who [beat|defeated] {whom}?", "Who won against {whom}?", "To whom did {whom} lose?"],
        "res": ["What was the score when {who} beat {whom}?", "By what score did {who} win?"],
    },
    "appoint": {
        "new": ["Who [is|will be] the new {role} of {who}?", "Who replaces {old.last}?"],
        "old": ["Who is being replaced as {role} of {who}?", "Whom [does|will] {new.last} replace?"],
        "who": ["Which company named {new.last} as {role}?", "Where will {new.last} replace {old.last}?"],
        "role": ["What will {new.last} be at {who}?", "As what does {new.last} replace {old.last}?"],
    },
    "study": {
        "what": ["What [changes|affects] the risk of {ill}?", "Which food was studied by [scientists|researchers] for {ill}?"],
        "pct": ["By how much does {what} change the risk of {ill}?", "By what percentage is the [risk|danger] of {ill} changed?"],
        "ill": ["Of which illness does {what} change the risk?", "Which [illness|disease] did the study of {what} look at?"],
    },
    "arrest": {
        "n": ["How many [people|suspects] were [arrested|detained] in {where}?", "How many are held over {crime}?"],
        "where": ["Where were {n} suspects arrested?", "Where did police make arrests over {crime}?"],
        "crime": ["What are the [people|suspects] in {where} suspected of?", "For what were {n} people arrested?"],
    },
    "launch": {
        "what": ["What did {who} [show|unveil|introduce|present] in {where}?", "Which product [is from|belongs to] {who}?"],
        "who": ["Which company [showed|unveiled|presented] a {what}?", "Who makes the new {what}?"],
        "where": ["Where did {who} [show|unveil|present] its {what}?", "Where is the {what} of {who} [shown|sold]?"],
    },
    "strike": {
        "who": ["Who [went on strike|stopped work|walked out] in {where}?", "Whose strike is over {why}?"],
        "where": ["Where did the {who} [walk out|go on strike|stop work]?", "Where is there a strike over {why}?"],
        "why": ["Why did the {who} in {where} [stop work|go on strike]?", "What is the strike in {where} [about|over]?"],
    },
    "back_to_work": {
        "n": ["How long did the strike in {where} last?", "How many days was the strike of the {who}?"],
        "who": ["Who returned to work in {where}?", "Who ended [a|the] strike over {why}?"],
        "why": ["What had the strike in {where} been [about|over]?", "Why had the {who} in {where} been on strike?"],
    },
    "shares": {
        "pct": ["By how much did [the shares of|shares in] {who} change?", "How large was the {move.noun} of {who} shares?"],
        "cost": ["At what price did [shares of|shares in] {who} close?", "What [is|was] a share of {who} worth?"],
        "who": ["Whose shares closed at {cost}?", "Which company's [shares|stock] {move.past} {pct}?"],
    },
    "suit": {
        "whom": ["Whom did {who} [sue|accuse|take to court]?", "Against whom is the lawsuit of {who}?"],
        "who": ["Who [sued|accused|took to court] {whom}?", "Which company wants {cash} from {whom}?"],
        "why": ["What is the [lawsuit|suit] against {whom} [about|over]?", "Of what did {who} accuse {whom}?"],
    },
    "quote": {
        "where": ["Where did {by} speak?", "In which [place|town] did {by} talk to reporters?"],
        "day": ["[When|On which day] did {by} speak in {where}?"],
        "by": ["Who [spoke|talked to reporters] in {where}?"],
    },
    "species": {
        "n": ["How many kinds of {what} were [found|discovered]?", "How many new {what} did scientists find near {where}?"],
        "what": ["What did scientists [find|discover|identify] near {where}?", "Of what were {n} [new|unknown] kinds found?"],
        "where": ["Where were the [new|unknown] kinds of {what} found?", "Near which place were new {what} discovered?"],
    },
    "opening": {
        "what": ["What will {who} [build|construct] in {where}?", "What will cost {cash} in {where}?"],
        "who": ["Who will [build|construct] the {what} in {where}?", "Which company is to build a {what}?"],
        "cash": ["How much will the {what} in {where} cost?", "What is the [contract|order] of {who} worth?"],
        "where": ["Where will {who} build a {what}?", "For which place is the {what} of {who}?"],
    },
}
